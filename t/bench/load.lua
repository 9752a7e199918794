-- wrk asks for the paths of a file, one a line, in turn; what it saw is one line for Load.pm.
local requests, n = {}, 0

function init(args)
    for path in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("GET", path)
    end
end

function request()
    n = n % #requests + 1
    return requests[n]
end

function done(summary, latency, _)
    local e = summary.errors
    io.write(string.format("seen: %d %d %d %d %d\n", summary.requests, summary.bytes, summary.duration, e.status,
        e.connect + e.read + e.write + e.timeout))
end
