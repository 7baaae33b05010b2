/** The drawing core of the topology picture: free of Grafana and React, so that Weft's own page draws with it as well. */

export { DARK, LIGHT, type Scale, type Theme, type ValueKind, valueText } from './colors';
export { describe, type Told as Description } from './describe';
export type { Hit } from './hit';
export { type Folded, type Layout, layoutOf } from './layout';
export { type Legend, legendOf, showLegend } from './legend';
export * from './model';
export { readFabric, readRun, type Told, Unreadable } from './read';
export { type MarkKind, type Scene, sceneOf } from './scene';
export { search } from './search';
export { type Shown, TopologyView } from './view';
