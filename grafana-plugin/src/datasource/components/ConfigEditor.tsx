import type { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { Alert, DataSourceHttpSettings } from '@grafana/ui';
import React from 'react';

import type { WeftOptions } from '../types';

/** Where Weft is, and how Grafana signs in there; the browser asks by Grafana's proxy only. */
export function ConfigEditor({ options, onOptionsChange }: DataSourcePluginOptionsEditorProps<WeftOptions>) {
  return (
    <>
      <DataSourceHttpSettings
        defaultUrl="http://127.0.0.1:8077"
        dataSourceConfig={options}
        showAccessOptions={false}
        onChange={onOptionsChange}
      />
      <Alert severity="info" title="Who sees what">
        Weft shows people their own jobs where Grafana says who asks: set send_user_header = true in the section
        dataproxy of grafana.ini, and http.identity_header = &quot;X-Grafana-User&quot; in Weft.
      </Alert>
    </>
  );
}
