# Answers beacons, and leaves every other request alone: include it at the top of your own VCL, after its version line.
#
#   vcl 4.1;
#   include "/etc/varnish/vanadium.vcl";
#
# The event is the query string. Nothing here reads it: varnishncsa prints it (see vanadium-varnishncsa). Start varnishd
# with "-p vsl_reclen=8192": by default it cuts what it logs after 255 bytes, and the event with it.

sub vcl_recv {
	if (req.url ~ "^/(event\.gif|beacon/event)(\?|$)") {
		if (req.method !~ "^(GET|HEAD|POST|OPTIONS)$") {
			return (synth(405, "vanadium"));
		}
		# longer than vsl_reclen can log: better refused than cut
		if (req.url ~ "^.{8192}") {
			return (synth(414, "vanadium"));
		}
		return (synth(204, "vanadium"));
	}
}

sub vcl_synth {
	if (resp.reason == "vanadium") {
		if (resp.status == 204) {
			set resp.reason = "No Content";
		} elsif (resp.status == 414) {
			set resp.reason = "URI Too Long";
		} else {
			set resp.reason = "Method Not Allowed";
			set resp.http.Allow = "GET, HEAD, POST, OPTIONS";
		}
		set resp.http.Cache-Control = "no-store";
		# pages of any site may send, and nothing is told to them
		set resp.http.Access-Control-Allow-Origin = "*";
		if (req.method == "OPTIONS") {
			set resp.http.Access-Control-Allow-Methods = "GET, POST";
			set resp.http.Access-Control-Allow-Headers = "Content-Type";
			set resp.http.Access-Control-Max-Age = "86400";
		}
		synthetic("");
		return (deliver);
	}
}
