import { FieldConfigProperty, PanelPlugin } from '@grafana/data';

import { TopologyPanel } from './TopologyPanel';
import { DEFAULTS, type Options } from './types';

/** Of Grafana's own field options, data links and the upper end of the scale mean something here. */
const KEPT: readonly string[] = [FieldConfigProperty.Links, FieldConfigProperty.Max];

export const plugin = new PanelPlugin<Options>(TopologyPanel)
  .useFieldConfig({
    disableStandardOptions: Object.values(FieldConfigProperty).filter((one) => !KEPT.includes(one)),
  })
  .setPanelOptions((builder) => {
    builder
      .addRadio({
        path: 'value',
        name: 'Links show',
        description: 'Traffic: the newest value of each port; errors: what they rose by in the time range.',
        defaultValue: DEFAULTS.value,
        settings: {
          options: [
            { value: 'traffic', label: 'Traffic' },
            { value: 'errors', label: 'Errors' },
            { value: 'none', label: 'Nothing' },
          ],
        },
      })
      .addRadio({
        path: 'fold',
        name: 'Hosts',
        description: 'Folded, the hosts of a leaf are one block with their number; a click unfolds it.',
        defaultValue: DEFAULTS.fold,
        settings: {
          options: [
            { value: 'auto', label: 'Fold if many' },
            { value: 'all', label: 'Fold' },
            { value: 'none', label: 'Each' },
          ],
        },
      })
      .addBooleanSwitch({ path: 'legend', name: 'Legend', defaultValue: DEFAULTS.legend })
      .addBooleanSwitch({ path: 'search', name: 'Search box', defaultValue: DEFAULTS.search })
      .addRadio({
        path: 'click',
        name: 'A click',
        category: ['Click'],
        defaultValue: DEFAULTS.click,
        settings: {
          options: [
            { value: 'menu', label: 'Shows what can be done' },
            { value: 'set', label: 'Sets the variable' },
          ],
        },
      });
    for (const thing of ['host', 'switch', 'cable'] as const) {
      builder
        .addTextInput({
          path: `${thing}Variable`,
          name: `Variable for a ${thing}`,
          category: ['Click'],
          defaultValue: DEFAULTS[`${thing}Variable`],
        })
        .addTextInput({
          path: `${thing}Board`,
          name: `Dashboard of a ${thing}`,
          description: 'Its uid; those that `weft provision` writes are the default.',
          category: ['Click'],
          defaultValue: DEFAULTS[`${thing}Board`],
        });
    }
  });
