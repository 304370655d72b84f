import type { TableFeatures, TableStats } from '../messages/table.js';
export function featureText(_t: TableFeatures, _p: TableFeatures | undefined, _v: number): string {
  return '';
}
export function sameFeatures(_a: TableFeatures, _b: TableFeatures): boolean {
  return true;
}
export function statsFeatureText(_t: TableStats, _p: TableStats | undefined, _v: number): string {
  return '';
}
