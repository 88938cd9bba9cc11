import type { Dashboard, Graph } from './targets.js'

const width = 600
const height = 300
const refreshMs = 60_000
const times = { from: '-24hours', until: 'now' } as const

/**
 * What graphite-web's dashboard keeps (`getState` in its dashboard.js, /dashboard/save/NAME): graphs are the target as in a URL, its
 * parameters, and the URL of the picture. The same with `POST /dashboard/save/NAME` and `state=` has it there.
 */
export function graphiteDashboard ({ name, graphs }: Dashboard): object {
  return {
    name,
    timeConfig: {
      type: 'relative',
      relativeStartQuantity: '24',
      relativeStartUnits: 'hours',
      relativeUntilQuantity: '',
      relativeUntilUnits: 'now',
      startDate: '1970-01-01T00:00:00',
      startTime: '9:00 AM',
      endDate: '1970-01-01T00:00:00',
      endTime: '5:00 PM'
    },
    refreshConfig: { enabled: true, interval: refreshMs },
    graphSize: { width, height },
    defaultGraphParams: { ...times, width, height },
    graphs: graphs.map(entryOf)
  }
}

function entryOf ({ title, targets, unit }: Graph): [string, object, string] {
  const params = { target: targets, title, vtitle: unit === 'share' ? '%' : unit, yMin: '0' }
  const fields: Array<[string, string]> = targets.map(target => ['target', target])
  const rest = Object.entries({ ...times, width: String(width), height: String(height), title, vtitle: params.vtitle, yMin: '0' })
  return [new URLSearchParams(fields).toString(), params, `/render?${new URLSearchParams([...rest, ...fields]).toString()}`]
}
