export interface Options {
  /** What colours the links; its series come from the panel's queries. */
  value: 'traffic' | 'errors' | 'none';
  /** Hosts as one block a leaf: `auto` where there are many. */
  fold: 'auto' | 'all' | 'none';
  legend: boolean;
  search: boolean;
  /** `menu`: what can be done with the thing that was clicked; `set`: the dashboard's variable is set at once. */
  click: 'menu' | 'set';
  /** Names of the dashboard's variables; empty: none is set. */
  hostVariable: string;
  switchVariable: string;
  cableVariable: string;
  /** Identifiers (uid) of dashboards to open; empty: none. */
  hostBoard: string;
  switchBoard: string;
  cableBoard: string;
}

export const DEFAULTS: Options = {
  value: 'traffic',
  fold: 'auto',
  legend: true,
  search: true,
  click: 'menu',
  hostVariable: 'host',
  switchVariable: 'switch',
  cableVariable: 'cable',
  hostBoard: 'weft-host',
  switchBoard: 'weft-switch',
  cableBoard: 'weft-cable',
};
