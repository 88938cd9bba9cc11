# For a Varnish that does nothing but take beacons:
#
#   varnishd -f /etc/varnish/vanadium-beacon-only.vcl -p vsl_reclen=8192 -a :80 …

vcl 4.1;

backend default none;

include "./vanadium.vcl";

sub vcl_recv {
	return (synth(404));
}
