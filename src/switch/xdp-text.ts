/** What Open vSwitch's tools say of an AF_XDP port beside its type. */
import type { NativeDriver } from '../datapath/driver/native-driver.js';
import type { Core } from './core.js';

/** "afxdp: n_rxq=1, use-need-wakeup=true, xdp-mode=best-effort, xdp-mode-in-use=native"; undefined for other ports. */
export function xdpText(core: Core, dp: NativeDriver, name: string): string | undefined {
  for (const { port, config } of core.devices()) {
    if (port.name !== name) continue;
    if (config.kind !== 'xdp') return undefined;
    const words = [
      `n_rxq=${config.queues}`,
      `use-need-wakeup=${config.needWakeup}`,
      `xdp-mode=${config.xdpMode}`,
      `xdp-mode-in-use=${dp.portPaths(port.vport)?.mode ?? 'unknown'}`,
    ];
    return `afxdp: ${words.join(', ')}`;
  }
  return undefined;
}
