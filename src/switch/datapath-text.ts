import type { Core } from './core.js';

/** Datapath flows, a line each, in the text of dpctl/dump-flows. */
export function datapathFlowLines(core: Core): string[] {
  return core.upcalls.flows.all.map((f) => JSON.stringify(f.actions));
}
