import { Select, useStyles2 } from '@grafana/ui';
import React, { useCallback } from 'react';

import { writeRequest } from '../../datasource/request';
import { DEFAULTS } from '../../panel/types';
import { spanOf, useTable, useTold } from '../ask';
import { useBoards } from '../boards';
import { change, useHere, useRange } from '../here';
import { Picture } from '../parts/Picture';
import { Shell } from '../parts/Shell';
import { TablePart, ToldPart } from '../parts/TablePart';
import { rate } from '../run';
import { styles } from '../styles';

const TRAFFIC = rate('switch.*.*.{PortXmitData,PortRcvData}');
const BOARDS = [DEFAULTS.hostBoard, DEFAULTS.switchBoard, DEFAULTS.cableBoard];

/** Changes that stand beside the picture. */
const MOST_CHANGES = 20;

/** Columns that the picture shows, or that have no place beside it. */
const HIDDEN = ['fabric', 'guids', 'slurm', 'missed', 'users', 'since'];
const HIDDEN_OF_CHANGES = ['after', 'kind', 'nodes', 'ports', 'cables', 'narrowed_by', 'fabric'];

/** The fabric at the end of the time range, and what is wrong in it. */
export default function Fabric() {
  const css = useStyles2(styles);
  const range = useRange('now-24h');
  const fabric = useHere().query.get('fabric') ?? '';
  const boards = useBoards(BOARDS);
  const at = { fabric, at: range.to.valueOf() };
  const changes = useTable('fabric_changes', { fabric }, spanOf(range), MOST_CHANGES);
  return (
    <Shell range={range}>
      <FabricPicker fabric={fabric} />
      <div className={css.parts}>
        <Picture
          title="Topology and traffic"
          width={7}
          height={720}
          topology={writeRequest({ name: 'fabric', args: [['fabric', fabric]] })}
          traffic={TRAFFIC}
          range={range}
          boards={boards}
        />
        <div className={css.stack} style={{ gridColumn: 'span 5' }}>
          <TablePart
            compact
            title="Vanished hosts"
            table="vanished"
            args={at}
            hidden={[...HIDDEN, 'cable']}
            empty="Every host that was there is there."
          />
          <TablePart
            compact
            title="Degraded links"
            table="degraded"
            args={at}
            hidden={HIDDEN}
            empty="Every link is as wide and fast as its like."
          />
          <ToldPart
            compact
            title="What changed, newest first"
            told={changes}
            hidden={HIDDEN_OF_CHANGES}
            empty="Nothing changed in this time."
          />
        </div>
      </div>
    </Shell>
  );
}

/** Only where there is something to choose. */
function FabricPicker({ fabric }: { fabric: string }) {
  const { source } = useHere();
  const css = useStyles2(styles);
  const { value: all = [] } = useTold(useCallback(() => source.values('fabrics'), [source]));
  if (all.length < 2) {
    return null;
  }
  return (
    <div className={css.bar}>
      <Select
        aria-label="Fabric"
        width={24}
        placeholder="The site's own fabric"
        isClearable
        options={all.map((name) => ({ value: name, label: name }))}
        value={fabric || null}
        onChange={(chosen: { value?: string } | null) => change({ fabric: chosen?.value })}
      />
    </div>
  );
}
