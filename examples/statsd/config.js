// StatsD (https://github.com/statsd/statsd) for vanadium. It makes the flat names that the checks and graphs expect:
// eventlogging.overall.raw.rate (per second) and eventlogging.overall.raw.count (since the last flush).
{
  address: '127.0.0.1',
  port: 8125,
  mgmt_address: '127.0.0.1',

  graphiteHost: '127.0.0.1',
  graphitePort: 2003,
  graphite: {
    legacyNamespace: false,
    globalPrefix: '',
    prefixCounter: '',
    prefixGauge: ''
  },

  // milliseconds; the finest retention in Graphite's storage-schemas.conf must be the same
  flushInterval: 60000,

  // a counter that stands still is sent as 0: "no events" is a number that can be alarmed on
  deleteCounters: false,
  // a gauge that nobody sets any more is not sent: the lag of a daemon that is gone is unknown, not what it was
  deleteGauges: true
}
