/** Styles of the frame of things: layout and timeline. */

export const FRAME_STYLES = `
  :host {
    display: block;
    box-sizing: border-box;
    height: 38rem;
    min-height: 22rem;
    container-type: inline-size;
    overflow: hidden;
    border: 1px solid var(--line);
    border-radius: 10px;
    background: var(--ground);
    color: var(--text);
    font:
      13px/1.4 system-ui,
      -apple-system,
      "Segoe UI",
      Roboto,
      sans-serif;
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  .app {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-width: 0;
  }
  .top {
    display: flex;
    align-items: center;
    gap: 10px;
    padding: 6px 10px 6px 14px;
    border-bottom: 1px solid var(--line);
    min-width: 0;
  }
  .title {
    margin: 0;
    font-size: 14px;
    font-weight: 600;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    min-width: 3em;
  }
  .badge {
    flex: none;
    padding: 1px 8px;
    border: 1px solid var(--line);
    border-radius: 99px;
    font-size: 11px;
    color: var(--text-quiet);
    white-space: nowrap;
  }
  .rate-badge {
    border-color: var(--wanted);
    color: var(--wanted);
  }
  .tools {
    display: flex;
    gap: 14px;
    margin-left: auto;
  }
  .middle {
    flex: 1;
    display: flex;
    min-height: 0;
  }
  .stage-frame {
    position: relative;
    flex: 1;
    min-width: 0;
    min-height: 0;
  }
  .strip-frame {
    position: relative;
    padding: 0 4px 6px;
  }
  .strip {
    position: relative;
    height: 52px;
    cursor: pointer;
    touch-action: none;
    border-radius: 6px;
  }
  .strip-canvas {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
  }
  .head {
    position: absolute;
    top: 14px;
    bottom: 2px;
    left: -1px;
    width: 2px;
    background: var(--text);
    pointer-events: none;
  }
  .shown-head::before {
    content: "";
    position: absolute;
    top: -3px;
    left: -5px;
    width: 12px;
    height: 12px;
    border-radius: 3px 3px 6px 6px;
    background: var(--text);
    box-shadow: 0 0 0 2px var(--ground);
  }
  .wanted-head {
    background: var(--wanted);
  }
  .wanted-head::before {
    content: "";
    position: absolute;
    top: -3px;
    left: -5px;
    width: 12px;
    height: 12px;
    border-radius: 3px 3px 6px 6px;
    border: 2px solid var(--wanted);
    background: var(--ground);
  }
  .hover-line {
    position: absolute;
    top: 0;
    bottom: 0;
    left: 0;
    width: 1px;
    background: var(--text-quiet);
    opacity: 0.7;
    pointer-events: none;
  }
  .preview {
    position: absolute;
    left: 4px;
    bottom: 100%;
    z-index: 3;
    display: flex;
    flex-direction: column;
    align-items: center;
    width: max-content;
    padding: 4px;
    border: 1px solid var(--line);
    border-radius: 8px;
    background: var(--raised);
    box-shadow: 0 8px 24px var(--shadow);
    pointer-events: none;
  }
  .preview-picture {
    display: block;
    max-width: 168px;
    height: auto;
    border-radius: 4px;
  }
  .preview-number {
    font-size: 11px;
    color: var(--text-quiet);
  }
  .preview-words {
    padding: 0 6px;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
  }

  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .file-input {
    position: absolute;
    width: 1px;
    height: 1px;
    opacity: 0;
    pointer-events: none;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }

  @container (max-width: 760px) {
    .middle {
      flex-direction: column;
    }
    .top {
      flex-wrap: wrap;
      padding: 6px 8px;
      gap: 6px 8px;
    }
    .tools {
      gap: 6px;
      flex: 1 0 auto;
      justify-content: space-between;
      margin-left: 0;
      width: 100%;
    }
    .strip {
      height: 60px;
    }
  }
`;
