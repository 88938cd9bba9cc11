import { createHash } from 'node:crypto'
import type { Dashboard, Graph, Unit } from './targets.js'

/** Grafana's names for units. */
const units: Readonly<Record<Unit, string>> = { 'per second': 'cps', records: 'short', seconds: 's', share: 'percent' }
/** A row of panels is 24 units wide. */
const panelWidth = 12
const panelHeight = 8
// Grafana fills in the variable
// eslint-disable-next-line no-template-curly-in-string
const datasource = { type: 'graphite', uid: '${datasource}' } as const

/** Grafana's classic model (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/), to be imported or provisioned; it asks which Graphite is meant. */
export function grafanaDashboard ({ name, title, graphs }: Dashboard): object {
  return {
    id: null,
    // 40 characters at most
    uid: `vanadium-${createHash('sha1').update(name).digest('hex').slice(0, 24)}`,
    title,
    tags: ['vanadium'],
    timezone: 'utc',
    editable: true,
    graphTooltip: 1,
    schemaVersion: 39,
    version: 1,
    refresh: '1m',
    time: { from: 'now-24h', to: 'now' },
    timepicker: {},
    annotations: { list: [] },
    links: [{ type: 'dashboards', title: 'vanadium', tags: ['vanadium'], asDropdown: true, icon: 'external link', includeVars: true, keepTime: true, targetBlank: false, tooltip: '', url: '' }],
    templating: { list: [{ name: 'datasource', label: 'Graphite', type: 'datasource', query: 'graphite', current: {}, options: [], regex: '', refresh: 1, hide: 0, includeAll: false, multi: false, skipUrlSync: false }] },
    panels: graphs.map(panelOf)
  }
}

function panelOf ({ title, unit, targets }: Graph, at: number): object {
  return {
    id: at + 1,
    type: 'timeseries',
    title,
    datasource,
    gridPos: { x: at % 2 * panelWidth, y: Math.floor(at / 2) * panelHeight, w: panelWidth, h: panelHeight },
    fieldConfig: { defaults: { unit: units[unit], min: 0, color: { mode: 'palette-classic' }, custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, showPoints: 'never', spanNulls: false } }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: targets.map((target, number) => ({ refId: String.fromCharCode(65 + number), target, textEditor: true, datasource }))
  }
}
