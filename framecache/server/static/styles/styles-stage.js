/** Styles of the stage, and of what lies over the picture. */

export const STAGE_STYLES = `
  .stage {
    position: absolute;
    inset: 0;
    overflow: hidden;
    background: var(--stage);
    touch-action: none;
    user-select: none;
    cursor: default;
  }
  .canvas {
    display: block;
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
  }
  .filters {
    position: absolute;
    width: 0;
    height: 0;
  }
  .failure {
    position: absolute;
    inset: auto 0;
    top: 40%;
    margin: 0 auto;
    width: fit-content;
    max-width: 80%;
    padding: 10px 16px;
    border: 1px solid var(--bad);
    border-radius: 8px;
    background: var(--ground);
    color: var(--bad);
  }
  .stage.drawing {
    cursor: crosshair;
  }
  .stage[data-over="box"] {
    cursor: move;
  }
  .stage[data-over="n"],
  .stage[data-over="s"] {
    cursor: ns-resize;
  }
  .stage[data-over="e"],
  .stage[data-over="w"] {
    cursor: ew-resize;
  }
  .stage[data-over="nw"],
  .stage[data-over="se"] {
    cursor: nwse-resize;
  }
  .stage[data-over="ne"],
  .stage[data-over="sw"] {
    cursor: nesw-resize;
  }

  .boxes {
    position: absolute;
    inset: 0;
    overflow: hidden;
    pointer-events: none;
  }
  .box {
    position: absolute;
    border: 2px solid var(--label-color);
    box-shadow:
      0 0 0 1px rgb(0 0 0 / 65%),
      inset 0 0 0 1px rgb(0 0 0 / 45%);
  }
  .box.selected {
    background: rgb(255 255 255 / 8%);
    box-shadow:
      0 0 0 1px #fff,
      inset 0 0 0 1px rgb(0 0 0 / 45%);
  }
  .box-label {
    position: absolute;
    left: -2px;
    bottom: 100%;
    padding: 0 6px;
    border-radius: 3px 3px 0 0;
    background: var(--label-color);
    color: #0b0d10;
    font-size: 11px;
    font-weight: 600;
    line-height: 17px;
    white-space: nowrap;
  }
  .box.at-top .box-label {
    bottom: auto;
    top: 0;
    border-radius: 0 0 3px 0;
  }
  .handle {
    position: absolute;
    width: 9px;
    height: 9px;
    margin: -4.5px 0 0 -4.5px;
    border: 1.5px solid #0b0d10;
    border-radius: 2px;
    background: #fff;
  }
  .chips {
    position: absolute;
    top: 10px;
    left: 10px;
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    pointer-events: none;
  }
  .chip {
    padding: 1px 9px;
    border-radius: 99px;
    background: var(--label-color);
    color: #0b0d10;
    font-size: 12px;
    font-weight: 600;
  }

  .waiting {
    position: absolute;
    inset: 0;
    display: flex;
    flex-direction: column;
    align-items: center;
    justify-content: center;
    gap: 12px;
    padding: 20px;
    text-align: center;
    background: color-mix(in srgb, var(--stage) 82%, transparent);
  }
  .waiting.failed .waiting-words {
    padding: 12px 18px;
    border: 1px solid var(--bad);
    border-radius: 8px;
    background: var(--ground);
    color: var(--text);
    max-width: 44em;
  }
  .waiting-words {
    margin: 0;
    font-size: 14px;
  }
  .waiting-bar {
    width: min(260px, 60%);
    accent-color: var(--accent);
  }
  .spinner {
    width: 26px;
    height: 26px;
    border: 3px solid var(--line);
    border-top-color: var(--accent);
    border-radius: 50%;
    animation: turn 0.9s linear infinite;
  }
  @keyframes turn {
    to {
      transform: rotate(1turn);
    }
  }
  .loading {
    position: absolute;
    top: 10px;
    right: 10px;
    margin: 0;
    padding: 3px 10px;
    border-radius: 99px;
    background: var(--ground);
    color: var(--text);
    font-size: 12px;
    border: 1px solid var(--line);
  }
  .toast {
    position: absolute;
    left: 50%;
    bottom: 14px;
    transform: translateX(-50%);
    margin: 0;
    max-width: 90%;
    padding: 6px 14px;
    border-radius: 8px;
    background: var(--raised);
    color: var(--text);
    border: 1px solid var(--line);
    box-shadow: 0 6px 20px var(--shadow);
  }
  .toast:empty {
    visibility: hidden;
  }
`;
