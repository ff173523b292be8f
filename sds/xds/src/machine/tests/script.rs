//! Events and actions as one line of text each, for people to read in tests.

use crate::*;

/// The last part of a type URL says enough.
fn short(type_url: &TypeUrl) -> &str {
    type_url.as_str().rsplit(['.', '/']).next().unwrap_or_default()
}

fn names(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(" ")
}

fn timer(timer: &Timer) -> String {
    match timer {
        Timer::Backoff => "backoff".to_owned(),
        Timer::InitialFetch { type_url, name } => format!("initial fetch of {} {name}", short(type_url)),
        Timer::TimeToLive { type_url, name } => format!("time to live of {} {name}", short(type_url)),
    }
}

pub(super) fn request(request: &Request) -> String {
    let mut line = short(request.type_url()).to_owned();
    let mut field = |name: &str, value: String| line.push_str(&format!(" {name}[{value}]"));
    if request.node() == Node::Include {
        field("node", String::new());
    }
    match request {
        Request::World(world) => {
            field("names", names(&world.names));
            world.version.iter().for_each(|version| field("version", version.to_string()));
            world.nonce.iter().for_each(|nonce| field("nonce", nonce.to_string()));
            world.error.iter().for_each(|error| field("error", error.clone()));
        }
        Request::Delta(delta) => {
            if !delta.subscribe.is_empty() || (delta.nonce.is_none() && delta.unsubscribe.is_empty()) {
                field("subscribe", names(&delta.subscribe));
            }
            if !delta.unsubscribe.is_empty() {
                field("unsubscribe", names(&delta.unsubscribe));
            }
            if !delta.initial_versions.is_empty() {
                let versions = delta.initial_versions.iter().map(|(name, version)| format!("{name}={version}"));
                field("have", versions.collect::<Vec<_>>().join(" "));
            }
            delta.nonce.iter().for_each(|nonce| field("nonce", nonce.to_string()));
            delta.error.iter().for_each(|error| field("error", error.clone()));
        }
    }
    line
}

pub(super) fn action<R: std::fmt::Display>(action: &Action<R>) -> String {
    match action {
        Action::Open { stream } => format!("open #{stream}"),
        Action::Close { stream } => format!("close #{stream}"),
        Action::Send { stream, request: sent } => format!("send #{stream} {}", request(sent)),
        Action::Offer(offer) => {
            format!("offer {} {}={} {}", short(&offer.type_url), offer.name, offer.version, offer.resource)
        }
        Action::Withdraw { type_url, name, cause } => format!("withdraw {} {name} {}", short(type_url), cause.reason()),
        Action::FetchTimedOut { type_url, name } => format!("timed out {} {name}", short(type_url)),
        Action::Arm { timer: armed, after } => format!("arm {} {after:?}", timer(armed)),
        Action::Disarm(armed) => format!("disarm {}", timer(armed)),
        Action::Report(report) => match report {
            Report::UnaskedType { type_url } | Report::Unanswerable { type_url } => {
                format!("report {} {}", report.reason(), short(type_url))
            }
            Report::Unrequested { type_url, name }
            | Report::NameRefused { type_url, name }
            | Report::StrayVerdict { type_url, name } => {
                format!("report {} {} {name}", report.reason(), short(type_url))
            }
        },
    }
}

pub(super) fn event<R: std::fmt::Display>(event: &Event<R>) -> String {
    match event {
        Event::Subscribe { type_url, names: which } => format!("subscribe {} {}", short(type_url), names(which)),
        Event::Unsubscribe { type_url, names: which } => format!("unsubscribe {} {}", short(type_url), names(which)),
        Event::Opened { stream } => format!("opened #{stream}"),
        Event::Closed { stream, reason, .. } => format!("closed #{stream}: {reason}"),
        Event::Arrived { stream, response } => {
            let Response { type_url, version, nonce, resources, removed } = response;
            let mut line = format!("arrived #{stream} {} nonce[{nonce}]", short(type_url));
            if !version.is_empty() {
                line.push_str(&format!(" version[{version}]"));
            }
            for resource in resources {
                let version = if resource.version.is_empty() { version } else { &resource.version };
                let body = match &resource.body {
                    Body::Value(value) => value.to_string(),
                    Body::Heartbeat => "(heartbeat)".to_owned(),
                    Body::Malformed(reason) => format!("(malformed: {reason})"),
                };
                line.push_str(&format!(" {}={version} {body}", resource.name));
                resource.ttl.iter().for_each(|ttl| line.push_str(&format!(" ttl {ttl:?}")));
            }
            if !removed.is_empty() {
                line.push_str(&format!(" removed[{}]", names(removed)));
            }
            line
        }
        Event::Judged { ticket, verdict } => {
            let verdict = match verdict {
                Verdict::Applied => "applied".to_owned(),
                Verdict::Rejected(reason) => format!("rejected: {reason}"),
            };
            format!("judged {} {} {verdict}", short(ticket.type_url()), ticket.name())
        }
        Event::Fired(fired) => format!("fired {}", timer(fired)),
    }
}
