vcl 4.1;

# The shield in front of mod_jitorigin: one fetch per object however many clients ask at once, lifetimes as the origin
# sets them, and nothing in the cache key that does not change the answer.

backend origin {
    .host = "origin";
    .port = "8080";
    .connect_timeout = 2s;
    .first_byte_timeout = 30s;
    .between_bytes_timeout = 10s;
}

sub vcl_recv {
    if (req.method != "GET" && req.method != "HEAD" && req.method != "OPTIONS") {
        return (synth(405));
    }
    if (req.method == "OPTIONS") {
        return (pass);
    }
    unset req.http.Cookie;
    # No query changes a segment or an init segment. A manifest's is left as it is: sorting it would break
    # filter=(a&&b).
    if (req.url ~ "\.ism/[^?]*\.(m4s|dash|mp4)\?") {
        set req.url = regsub(req.url, "\?.*$", "");
    }
    return (hash);
}

sub vcl_hash {
    # One origin, one name space: the client's Host is no part of the key.
    hash_data(req.url);
    return (lookup);
}

sub vcl_backend_response {
    # Clients get bytes while they still arrive, and stale ones while a fresh copy is fetched.
    set beresp.do_stream = true;
    set beresp.grace = 10s;
    set beresp.keep = 10m;
    # A 404 or 503 lives as long as the origin says, never by Varnish's default of two minutes.
    if (beresp.status >= 400 && !beresp.http.Cache-Control) {
        set beresp.ttl = 1s;
        set beresp.grace = 0s;
    }
}

sub vcl_deliver {
    set resp.http.X-Cache = "MISS";
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    }
    unset resp.http.Via;
    unset resp.http.X-Varnish;
}
