/**
 * A plug-in: an ES module in a directory that is given with --plugins. It is called once, when the daemon starts, and
 * adds functions for `filter:` and `map:` (here), or schemes that can be read or written (vanadium.reader, vanadium.writer).
 *
 *   vanadium consumer --plugins /etc/vanadium/plugins --input tcp://127.0.0.1:8600 \
 *     --output 'filter:mysql://db.example.org/log?defaults-file=/etc/vanadium/my.cnf&function=no-bots'
 *
 * A function gets one record at a time: `record.text`, and `record.event`, the same parsed as JSON (undefined if it is none).
 * It must answer at once, without a promise. A record with which it throws goes to the dead letters; the daemon goes on.
 */
export default function (vanadium) {
  // For `filter:` a truthy answer keeps the record. Event errors and events without a parsed user agent are kept.
  vanadium.fn('no-bots', ({ event }) => event?.userAgent?.is_bot !== true)

  // For `map:` the answer is the new record: text, or an object that becomes JSON; null drops it.
  vanadium.fn('without-titles', ({ text, event }) => {
    if (event?.event === undefined) return text
    const { pageTitle, ...rest } = event.event
    return { ...event, event: rest }
  })
}
