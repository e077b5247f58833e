/** Styles of the side panel. */

export const PANEL_STYLES = `
  .panel {
    display: flex;
    flex-direction: column;
    gap: 14px;
    width: 264px;
    flex: none;
    padding: 12px 14px;
    border-left: 1px solid var(--line);
    overflow-y: auto;
  }
  .panel h2 {
    margin: 0;
    font-size: 12px;
    font-weight: 600;
    color: var(--text-quiet);
  }
  .panel-head {
    display: flex;
    align-items: center;
    gap: 2px;
    min-height: 30px;
  }
  .panel-head h2 {
    flex: 1;
  }
  .labels,
  .items {
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .labels li,
  .items li {
    display: flex;
    align-items: center;
    gap: 2px;
    min-width: 0;
  }
  .label,
  .item {
    display: flex;
    flex: 1;
    align-items: center;
    gap: 8px;
    min-width: 0;
    min-height: 30px;
    padding: 2px 8px;
    border: 1px solid transparent;
    border-radius: 7px;
    background: none;
    text-align: left;
    cursor: pointer;
  }
  .label:hover,
  .item:hover {
    background: var(--hover);
  }
  .label[aria-pressed="true"] {
    background: var(--hover);
    border-color: var(--field-line);
  }
  .item[aria-pressed="true"] {
    border-color: var(--accent);
    background: color-mix(in srgb, var(--accent) 14%, transparent);
  }
  .label-name,
  .item-label {
    flex: 1;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .item-label {
    color: var(--text-quiet);
  }
  .item-where {
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .here .item-where {
    font-weight: 700;
    color: var(--accent);
  }
  .swatch {
    flex: none;
    width: 12px;
    height: 12px;
    border-radius: 4px;
    background: var(--label-color);
    box-shadow: inset 0 0 0 1px rgb(0 0 0 / 30%);
  }
  .dot {
    flex: none;
    display: grid;
    place-items: center;
    width: 22px;
    height: 22px;
    border-radius: 6px;
    background: var(--label-color);
    color: #0b0d10;
  }
  .dot .icon {
    width: 15px;
    height: 15px;
  }
  .labels input {
    flex: 1;
    min-width: 0;
  }
  .label-form {
    display: flex;
    gap: 6px;
    margin-top: 6px;
  }
  .new-label {
    flex: 1;
    min-width: 0;
  }
  .new-label::placeholder {
    color: var(--text-quiet);
    opacity: 1;
  }
  .items-section {
    flex: 1 0 auto;
  }
  .summary {
    margin-bottom: 4px;
  }
  .inspector-fields {
    display: grid;
    grid-template-columns: 1fr 1fr;
    gap: 6px 12px;
    margin-top: 6px;
  }
  .inspector .field {
    display: block;
    margin: 0;
    font-size: 12px;
  }
  .inspector .field:only-child,
  .inspector .field:first-child:nth-last-child(odd) {
    grid-column: 1 / -1;
  }
  .inspector .field span {
    display: block;
  }
  .inspector .field input {
    width: 100%;
    min-width: 0;
    font-size: 13px;
    font-variant-numeric: tabular-nums;
  }
  .file-buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    margin-bottom: 6px;
  }
  .file-buttons .caption {
    flex-basis: 100%;
  }
  .status:empty {
    display: none;
  }

  @container (max-width: 760px) {
    .panel {
      width: auto;
      max-height: 45%;
      border-left: 0;
      border-top: 1px solid var(--line);
    }
  }
`;
