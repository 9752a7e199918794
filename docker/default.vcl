vcl 4.1;

# The shield in front of mod_jitorigin: one fetch per object however many clients ask at once, lifetimes as the origin
# sets them, and nothing in the cache key or in the request to the origin that does not change the answer.
# t/shield/run plays titles through it. Varnish 7.1 and later.

import std;

backend origin {
    .host = "origin";
    .port = "8080";
    .connect_timeout = 2s;
    .first_byte_timeout = 30s;
    .between_bytes_timeout = 10s;
    # httpd answers this by itself, whatever it serves. While it does not, stale objects go out at once.
    .probe = {
        .request = "OPTIONS * HTTP/1.1" "Host: localhost" "Connection: close";
        .interval = 2s;
        .timeout = 2s;
        .window = 3;
        .threshold = 2;
        .initial = 3;
    }
}

sub vcl_recv {
    if (req.method != "GET" && req.method != "HEAD" && req.method != "OPTIONS") {
        return (synth(405));
    }
    if (req.restarts == 0) {
        unset req.http.X-Shield;
    }
    if (req.http.Range ~ ",") {
        # Varnish has one range or none, and would say 416; the whole is as good an answer (RFC 9110 14.2).
        unset req.http.Range;
    }
    # Who says who he is gets his answers from the origin, and nobody else gets those.
    if (req.method == "OPTIONS" || req.http.Authorization) {
        return (pass);
    }
    if (req.url ~ "^[^?]*\.(isml?|mp4)/") {
        call title;
        if (req.http.X-Shield == "fresh") {
            set req.grace = 0s;
        }
        return (hash);
    }
    # What is no title (pages, players) goes by Varnish's own rules.
}

# A URL below a descriptor, or below an .mp4 played directly.
sub title {
    # Answers depend on neither. Titles that the origin gives out by cookie alone are not for a shared cache.
    unset req.http.Cookie;
    unset req.http.User-Agent;
    if (req.url ~ "^[^?]*%") {
        # The origin takes these as they are and encoded.
        call path;
    }
    if (req.url ~ "^[^?]*\.(isml?|mp4)/[^?]*\.mp4(\?|$)") {
        # Whole files would drive all else out of the cache; their ranges are cut by the origin.
        return (pass);
    }
    # Where letters, digits, '-', '_' or '~' are encoded in the path or in a parameter's name, which no client does by itself,
    # only the origin can tell what is meant.
    if (req.url ~ "\?" && req.url !~ "(?:^[^?]*|[?&][\w.~-]*)%(?:2[Dd]|3\d|4[1-9A-Fa-f]|5[\dAaFf]|6[1-9A-Fa-f]|7[\dAaEe])|^[^?]*%2[Ee]") {
        if (req.url ~ "^[^?]*(\.m3u8|\.mpd|/[Mm]anifest)\?") {
            # What is too long or nested too deep for so much rewriting, or has parentheses that nothing closes, the origin
            # gets as it is.
            if (req.url !~ "^.{2048}|(?:(?:\(|%28)(?:(?!\(|%28|\)|%29).)*+){33}" && req.url ~ {"(?x)
                (?(DEFINE)
                    (?<double> (?>"|%22) (?>(?!"|%22).)*+ (?>"|%22) )
                    (?<single> (?>'|%27) (?>(?!'|%27).)*+ (?>'|%27) )
                    (?<parens> (?>\(|%28) (?&plain) (?>\)|%29) )
                    (?<plain>  (?>(?&double)|(?&single)|(?&parens)|(?!\(|%28|\)|%29).)*+ )
                )
                ^[^?]*\?(?&plain)$"}) {
                call manifest_query;
            }
        } else {
            # No query changes a segment or an init segment.
            set req.url = regsub(req.url, "\?.*$", "");
        }
    }
}

sub path {
    set req.http.X-Query = regsub(req.url, "^[^?]*", "");
    set req.url = regsuball(regsuball(regsuball(regsuball(regsub(req.url, "\?.*$", ""),
        "%3[Dd]", "="), "%28", "("), "%29", ")"), "%2[Cc]", ",") + req.http.X-Query;
    unset req.http.X-Query;
}

# Keeps the parameters that change a manifest, in sorted order and one spelling. As the origin has it, a parameter ends
# at an '&' outside quotes and parentheses that is followed by name= (not name==) or by a known flag.
sub manifest_query {
    # Each parameter that is to be kept starts with a space, which no URL holds.
    set req.http.X-Query = regsuball(regsub(req.url, "^[^?]*\?", "&"), {"(?x)
        (?(DEFINE)
            (?<double> (?>"|%22) (?>(?!"|%22).)*+ (?>"|%22) )
            (?<single> (?>'|%27) (?>(?!'|%27).)*+ (?>'|%27) )
            (?<parens> (?>\(|%28) (?>(?&double)|(?&single)|(?&parens)|(?!\(|%28|\)|%29).)*+ (?>\)|%29) )
            (?<starts> (?:[\w.~-]|%(?!2[126-9]|3[C-Ec-e]|7[Cc]))++=(?!=) | (?&flag)(?:&|$) )
            (?<flag>   hls_(?:fmp4|no_audio_only|no_multiplex) )
            (?<value>  (?>(?!&(?&starts))(?>(?&double)|(?&single)|(?&parens)|.))*+ )
        )
        & ( (?:aws(?:\.|%2[Ee])manifestfilter | filter | hls_client_manifest_version | (?&flag) | iss_client_manifest_version
            | max_bitrate | min_bitrate | mpd_segment_template | start_index | t | vbegin | vend) = (?&value)
            | (?&flag) (?=&|$) )
        | & (?&value)"}, " \7");
    # A flag that is true is bare.
    set req.http.X-Query = regsuball(req.http.X-Query, "(hls_(?:fmp4|no_audio_only|no_multiplex))=(?i:true|yes|1)(?= |$)", "\1");
    # An '&' that is still there belongs to a value: encoded, it no longer ends one.
    set req.http.X-Query = regsuball(regsuball(regsuball(req.http.X-Query, "&", "%26"), "^ +| +$", ""), " +", "&");
    if (req.http.X-Query ~ "[^\w&=.:/-]") {
        call spelling;
    }
    set req.url = regsub(req.url, "\?.*$", "");
    if (req.http.X-Query != "") {
        set req.url = std.querysort(req.url + "?" + req.http.X-Query);
    }
    unset req.http.X-Query;
}

# Characters that clients write raw or encoded.
sub spelling {
    set req.http.X-Query = regsuball(regsuball(regsuball(regsuball(regsuball(req.http.X-Query,
        "\x22", "%22"), "<", "%3C"), ">", "%3E"), "[|]", "%7C"), "'", "%27");
    set req.http.X-Query = regsuball(regsuball(regsuball(regsuball(regsuball(regsuball(regsuball(regsuball(regsuball(
        req.http.X-Query, "%28", "("), "%29", ")"), "(?<!=)%3[Dd]", "="), "%21", "!"), "%2[Cc]", ","), "%3[Aa]", ":"),
        "%3[Bb]", ";"), "%2[Ee]", "."), "%5[Ff]", "_");
    set req.http.X-Query = regsuball(regsuball(regsuball(req.http.X-Query, "%3c", "%3C"), "%3e", "%3E"), "%7c", "%7C");
}

sub vcl_hash {
    hash_data(req.url);
    hash_data(std.tolower(req.http.Host));
    return (lookup);
}

sub vcl_hit {
    # An object is kept for as long as stale-if-error says. Beyond stale-while-revalidate it goes out only if the origin
    # fails: the origin is asked first.
    if (obj.ttl < 0s && obj.ttl + std.duration(obj.http.X-Shield-Grace, 0s) < 0s && req.restarts == 0
        && std.healthy(req.backend_hint)) {
        set req.http.X-Shield = "fresh";
        return (restart);
    }
}

sub vcl_backend_response {
    if (beresp.status >= 500) {
        # Never kept, and never in place of something stale.
        if (bereq.is_bgfetch || bereq.http.X-Shield == "fresh") {
            return (abandon);
        }
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
    if (beresp.status >= 400) {
        call refused;
    } else {
        call lifetimes;
    }
}

# Refused URLs live as long as the origin says (5 s as shipped), what says nothing a moment. Who was not let in may be
# the next time.
sub refused {
    if (beresp.status == 400 || beresp.status == 415) {
        set beresp.ttl = std.duration(regsub(beresp.http.Cache-Control, "^.*max-age=(\d+).*$", "\1s"), 0s);
    } elsif (beresp.status == 401 || beresp.status == 403) {
        set beresp.ttl = 0s;
    } elsif (!beresp.http.Cache-Control) {
        set beresp.ttl = 1s;
    }
    if (beresp.http.Cache-Control !~ "stale-while-revalidate") {
        set beresp.grace = 0s;
    }
}

sub lifetimes {
    # beresp.grace is what stale-while-revalidate says, or Varnish's default.
    set beresp.http.X-Shield-Grace = beresp.grace + "s";
    if (beresp.http.Cache-Control ~ "stale-if-error=\d") {
        set beresp.grace = std.duration(regsub(beresp.http.Cache-Control, "^.*stale-if-error=(\d+).*$", "\1s"), 0s);
        if (beresp.grace < std.duration(beresp.http.X-Shield-Grace, 0s)) {
            set beresp.grace = std.duration(beresp.http.X-Shield-Grace, 0s);
        }
    }
    # For a 304 in place of the whole.
    set beresp.keep = 10m;
}

sub vcl_backend_error {
    if (bereq.http.X-Shield == "fresh") {
        return (abandon);
    }
}

sub vcl_synth {
    if (resp.status == 503 && req.http.X-Shield == "fresh") {
        set req.http.X-Shield = "stale";
        set req.grace = 10y;
        return (restart);
    }
}

sub vcl_deliver {
    set resp.http.X-Cache = "MISS";
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    }
    unset resp.http.X-Shield-Grace;
    unset resp.http.Via;
    unset resp.http.X-Varnish;
}
