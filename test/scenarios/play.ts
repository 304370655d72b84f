/** The scenarios there are, and how one is played. */
import { dragonflow } from './dragonflow.js';
import { dvr } from './dvr.js';
import { ml2 } from './ml2.js';
import { onePort } from './one-port.js';
import { type Report, type Scenario, type Settings, Stage } from './stage.js';

export const SCENARIOS: readonly Scenario[] = [dvr, dragonflow, onePort, ml2];

/** From nothing to nothing: whatever comes of it, no device or program is left. */
export async function play(scenario: Scenario, report: Report, settings: Settings): Promise<void> {
  const stage = new Stage(report, settings.underlay);
  try {
    await scenario.play(stage, settings);
  } catch (e) {
    report.check(false, 'plays to its end', e instanceof Error ? (e.stack ?? e.message) : String(e));
  } finally {
    await stage.close();
  }
}
