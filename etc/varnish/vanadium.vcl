# Answers beacons, and leaves every other request alone: include it at the top of your own VCL, after its version line.
#
#   vcl 4.1;
#   include "/etc/varnish/vanadium.vcl";
#
# The event is the query string. Nothing here reads it: varnishncsa prints it (see vanadium-varnishncsa). Start varnishd
# with "-p vsl_reclen=8192": by default it cuts what it logs after 255 bytes, and the event with it.

import std;

# Who does not want to be counted gets the same answer, and vanadium-varnishncsa does not print the request: with the cookie
# vanadium_optout=1 (for another name, change it in the second line), "DNT: 1", or "Sec-GPC: 1". How many these are:
#
#   varnishtop -1 -i VCL_Log
sub vanadium_opt_out {
	std.collect(req.http.Cookie, "; ");
	std.collect(req.http.DNT);
	std.collect(req.http.Sec-GPC);
	if (req.http.Cookie ~ "(?:^|;)[ \t]*+vanadium_optout[ \t]*+=[ \t]*+1[ \t]*+(?:;|$)"
	    || req.http.DNT ~ "(?:^|,)[ \t]*+1[ \t]*+(?:,|$)" || req.http.Sec-GPC ~ "(?:^|,)[ \t]*+1[ \t]*+(?:,|$)") {
		std.log("vanadium:opted-out");
	}
}

sub vcl_recv {
	if (req.url ~ "^/(event\.gif|beacon/event)(\?|$)") {
		if (req.method !~ "^(GET|HEAD|POST|OPTIONS)$") {
			return (synth(405, "vanadium"));
		}
		# longer than vsl_reclen can log: better refused than cut
		if (req.url ~ "^.{8192}") {
			return (synth(414, "vanadium"));
		}
		call vanadium_opt_out;
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
