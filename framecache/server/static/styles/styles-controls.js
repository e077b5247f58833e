/** Styles of buttons, fields, readout and dialogs. */

export const CONTROL_STYLES = `
  button,
  input {
    font: inherit;
    color: inherit;
  }
  .icon {
    width: 18px;
    height: 18px;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.8;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .icon-button {
    display: grid;
    place-items: center;
    width: 32px;
    height: 32px;
    padding: 0;
    border: 0;
    border-radius: 7px;
    background: none;
    color: var(--text);
    cursor: pointer;
  }
  .icon-button:hover:not(:disabled),
  .text-button:hover {
    background: var(--hover);
  }
  .icon-button:disabled {
    opacity: 0.4;
    cursor: default;
  }
  .icon-button[aria-pressed="true"],
  .icon-button[aria-expanded="true"] {
    background: color-mix(in srgb, var(--accent) 22%, transparent);
    color: var(--accent);
  }
  .icon-button.small {
    width: 24px;
    height: 24px;
    color: var(--text-quiet);
  }
  .icon-button.small .icon {
    width: 14px;
    height: 14px;
  }
  .play-button {
    width: 40px;
    background: var(--accent);
    color: var(--on-accent);
  }
  .play-button:hover:not(:disabled) {
    background: color-mix(in srgb, var(--accent) 85%, var(--text));
  }
  .text-button,
  .primary {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    min-height: 30px;
    padding: 3px 11px;
    border: 1px solid var(--line);
    border-radius: 7px;
    background: var(--raised);
    cursor: pointer;
  }
  .text-button .icon {
    width: 15px;
    height: 15px;
  }
  .primary {
    border-color: transparent;
    background: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
  }
  .zoom-button {
    min-width: 58px;
    justify-content: center;
    font-variant-numeric: tabular-nums;
  }
  .group {
    display: flex;
    align-items: center;
    gap: 2px;
  }
  .field {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    color: var(--text-quiet);
    white-space: nowrap;
  }
  .field input,
  .place,
  .new-label,
  .labels input {
    color: var(--text);
    background: var(--raised);
    border: 1px solid var(--field-line);
    border-radius: 6px;
    padding: 3px 7px;
    min-height: 28px;
  }
  .number {
    width: 64px;
    font-variant-numeric: tabular-nums;
  }
  .field + .field,
  .field + datalist + .field {
    margin-left: 12px;
  }
  kbd {
    display: inline-block;
    min-width: 20px;
    padding: 0 5px;
    border: 1px solid var(--line);
    border-bottom-width: 2px;
    border-radius: 5px;
    background: var(--ground);
    color: var(--text);
    font:
      11px/17px ui-monospace,
      "SF Mono",
      Menlo,
      Consolas,
      monospace;
    text-align: center;
  }
  .caption {
    display: block;
    font-size: 11px;
    color: var(--text-quiet);
    letter-spacing: 0.02em;
  }
  .hint {
    margin: 0;
    color: var(--text-quiet);
    font-size: 12px;
  }
  .hint.warning {
    color: var(--bad);
  }

  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 6px 20px;
    padding: 7px 14px 5px;
    border-top: 1px solid var(--line);
  }
  .readout {
    display: flex;
    gap: 24px;
    font-variant-numeric: tabular-nums;
  }
  .readout-part {
    display: flex;
    flex-direction: column;
    min-width: 0;
  }
  .readout-value {
    display: flex;
    align-items: center;
    gap: 8px;
    height: 26px;
    font-size: 16px;
    white-space: nowrap;
  }
  .index-button {
    padding: 0 6px;
    margin-left: -6px;
    border: 0;
    border-radius: 6px;
    background: none;
    cursor: pointer;
  }
  .index-button:hover {
    background: var(--hover);
  }
  .index {
    font-size: 22px;
    font-weight: 650;
    line-height: 26px;
  }
  .count {
    color: var(--text-quiet);
  }
  .wanted {
    color: var(--wanted);
    font-weight: 600;
  }
  .key-badge {
    padding: 0 6px;
  }
  .key-badge.absent {
    visibility: hidden;
  }
  .transport {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 18px;
  }

  .tone-panel {
    position: absolute;
    top: 10px;
    right: 10px;
    z-index: 2;
    width: 280px;
    max-width: calc(100% - 20px);
    padding: 14px;
    border: 1px solid var(--line);
    border-radius: 10px;
    background: var(--raised);
    box-shadow: 0 10px 30px var(--shadow);
  }
  .tone-row {
    display: grid;
    grid-template-columns: 76px 1fr 40px;
    align-items: center;
    gap: 8px;
    margin-bottom: 8px;
  }
  .tone-row input {
    width: 100%;
    accent-color: var(--accent);
  }
  .tone-value {
    text-align: right;
    font-variant-numeric: tabular-nums;
  }
  .answers {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    margin-top: 12px;
  }

  .dialog {
    max-width: min(860px, calc(100vw - 32px));
    max-height: calc(100dvh - 32px);
    padding: 0;
    border: 1px solid var(--line);
    border-radius: 12px;
    background: var(--raised);
    color: var(--text);
    box-shadow: 0 20px 60px var(--shadow);
  }
  .dialog::backdrop {
    background: rgb(0 0 0 / 45%);
  }
  .dialog-head {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 20px;
    padding: 14px 18px 10px;
  }
  .dialog-head h2 {
    margin: 0;
    font-size: 16px;
  }
  .dialog > :last-child {
    padding: 0 18px 18px;
  }
  .dialog p {
    margin: 0 0 8px;
    max-width: 52ch;
    overflow-wrap: anywhere;
  }
  .place-dialog,
  .question {
    width: 440px;
  }
  .keys-dialog {
    width: 860px;
  }
  .place-label {
    display: block;
    margin-bottom: 8px;
  }
  .place {
    width: 100%;
    padding: 8px 10px;
    font-size: 17px;
    font-variant-numeric: tabular-nums;
  }
  .place[aria-invalid] {
    border-color: var(--bad);
  }
  .place-dialog .hint {
    min-height: 2.6em;
  }
  .key-groups {
    overflow: auto;
    max-height: calc(100dvh - 110px);
  }
  .key-columns {
    column-width: 340px;
    column-gap: 32px;
  }
  .key-groups section {
    break-inside: avoid;
  }
  .key-groups h3 {
    margin: 0 0 4px;
    font-size: 13px;
    color: var(--text-quiet);
  }
  .key-groups dl {
    margin: 0 0 12px;
  }
  .key-row {
    display: flex;
    align-items: baseline;
    gap: 12px;
    padding: 2px 0;
  }
  .key-row dt {
    flex: none;
    display: flex;
    flex-wrap: wrap;
    gap: 3px;
    width: 118px;
  }
  .key-row dd {
    margin: 0;
  }

  @container (max-width: 760px) {
    .icon-button {
      width: 36px;
      height: 38px;
    }
    .play-button {
      width: 48px;
    }
    .roomy {
      display: none;
    }
    .bar {
      justify-content: center;
      padding: 6px 8px;
    }
    .readout {
      width: 100%;
      justify-content: space-between;
      gap: 12px;
    }
    .index {
      font-size: 20px;
    }
    .readout-value {
      font-size: 14px;
      gap: 4px;
    }
    .transport,
    .moves {
      justify-content: center;
    }
    .moves {
      flex-basis: 100%;
    }
  }
`;
