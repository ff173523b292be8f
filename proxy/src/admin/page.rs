//! `/`: the overview for people. One HTML document, no script, nothing loaded from anywhere.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::SystemTime;

use super::View;
use super::certificates::seconds_left;
use crate::access_log::rfc3339;
use crate::metrics::certificates;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222;\
background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd;vertical-align:top}\
th{font-weight:600}.bad{color:#a40000;font-weight:600}.soon{color:#8a5a00;font-weight:600}.good{color:#1a6b1a}\
td.number{text-align:right;font-variant-numeric:tabular-nums}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}.bad{color:#ff8080}\
.soon{color:#e0b050}.good{color:#80d080}a{color:#9cf}}";

/// Seconds left under which an end of validity is marked.
const SOON: i64 = 14 * 86_400;

/// The document.
pub(super) fn render(view: &View) -> String {
    let mut page = Page(String::with_capacity(8 * 1024));
    page.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Jadegate</title>");
    page.raw("<meta name=\"viewport\" content=\"width=device-width\"><style>").raw(STYLE).raw("</style></head><body>");
    page.raw("<header><h1>Jadegate</h1><p>");
    let unready = view.unready();
    if unready.is_empty() {
        page.raw("<span class=\"good\">Ready.</span>");
    } else {
        page.raw("<span class=\"bad\">Not ready.</span>");
    }
    let snapshot = view.snapshot.load();
    page.raw(" Generation ").text(&snapshot.generation.to_string()).raw(", version ").text(env!("CARGO_PKG_VERSION"));
    page.raw(", ").text(&rfc3339(SystemTime::now())).raw("</p>");
    if !unready.is_empty() {
        page.raw("<ul>");
        for reason in &unready {
            page.raw("<li>").text(reason).raw("</li>");
        }
        page.raw("</ul>");
    }
    reload(&mut page, view);
    page.raw("</header><main>");
    listeners(&mut page, view);
    secrets(&mut page, view);
    rejections(&mut page, view);
    handshakes(&mut page, view);
    page.raw("</main><footer><p>For programs: <a href=\"/metrics\">/metrics</a> <a href=\"/certs\">/certs</a> ");
    page.raw("<a href=\"/config\">/config</a> <a href=\"/readyz\">/readyz</a> <a href=\"/healthz\">/healthz</a></p>");
    page.raw("</footer></body></html>\n");
    page.0
}

/// HTML in the making. What is not ours goes through [`Page::text`].
struct Page(String);

impl Page {
    fn raw(&mut self, html: &str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    fn table(&mut self, title: &str, columns: &[&str]) -> &mut Self {
        self.raw("<section><h2>").text(title).raw("</h2><table><thead><tr>");
        for column in columns {
            self.raw("<th scope=\"col\">").text(column).raw("</th>");
        }
        self.raw("</tr></thead><tbody>")
    }

    fn end_table(&mut self) -> &mut Self {
        self.raw("</tbody></table></section>")
    }

    fn cell(&mut self, text: &str) -> &mut Self {
        self.raw("<td>").text(text).raw("</td>")
    }

    fn number(&mut self, number: u64) -> &mut Self {
        // Writing into a String does not fail.
        let _ = write!(self.0, "<td class=\"number\">{number}</td>");
        self
    }
}

fn reload(page: &mut Page, view: &View) {
    let status = view.status.load();
    let Some(last) = &status.last_reload else { return };
    page.raw("<p>Last configuration: ").text(&rfc3339(last.at)).raw(", ");
    match &last.result {
        Ok(generation) => page.raw("<span class=\"good\">taken</span> as generation ").text(&generation.to_string()),
        Err(why) => page.raw("<span class=\"bad\">refused</span>, the one before it runs on: ").text(why),
    };
    page.raw("</p>");
}

fn listeners(page: &mut Page, view: &View) {
    let snapshot = view.snapshot.load();
    page.table("Listeners", &["Name", "Address", "Chains", "Backends", "Open connections", "State"]);
    for listener in &snapshot.listeners {
        let binds: Vec<String> = listener.config.binds.iter().map(ToString::to_string).collect();
        let chains: Vec<&str> = listener.chains.iter().map(|chain| chain.config.name.as_str()).collect();
        let backends: Vec<&str> = listener.chains.iter().map(|chain| chain.backend.config.name.as_str()).collect();
        page.raw("<tr>").cell(&listener.config.name).cell(&binds.join(", ")).cell(&chains.join(", "));
        page.cell(&backends.join(", ")).number(u64::try_from(listener.limit.open()).unwrap_or(u64::MAX));
        if listener.ready() {
            page.raw("<td class=\"good\">open</td></tr>");
        } else {
            page.raw("<td class=\"bad\">closed: a secret is missing</td></tr>");
        }
    }
    page.end_table();
}

fn secrets(page: &mut Page, view: &View) {
    let status = view.status.load();
    page.table(
        "Certificates",
        &["Secret", "Role", "Subject", "Serial", "Not after", "Left", "Generation", "Updates", "Rejections"],
    );
    for receiver in &status.secrets {
        let state = receiver.borrow().clone();
        let Some(published) = &state.current else {
            let why =
                state.last_error.as_ref().map(|rejection| rejection.text.clone()).or_else(|| state.waiting.clone());
            page.raw("<tr>").cell(&state.name).raw("<td colspan=\"6\" class=\"bad\">not usable: ");
            page.text(why.as_deref().unwrap_or("not read yet")).raw("</td>");
            page.number(state.updates).number(state.rejections).raw("</tr>");
            continue;
        };
        for (role, certificate) in certificates(&published.secret) {
            let left = seconds_left(certificate);
            let class = if left < 0 {
                "bad"
            } else if left < SOON {
                "soon"
            } else {
                "good"
            };
            page.raw("<tr>").cell(&state.name).cell(role).cell(certificate.subject()).cell(certificate.serial());
            page.cell(&certificate.not_after().to_string()).raw("<td class=\"").raw(class).raw("\">");
            page.text(&left_for_people(left)).raw("</td>").number(published.generation.0);
            page.number(state.updates).number(state.rejections).raw("</tr>");
        }
    }
    page.end_table();
}

fn rejections(page: &mut Page, view: &View) {
    let status = view.status.load();
    page.table("Refused rotations", &["When", "Secret", "Reason", "What was wrong"]);
    for receiver in &status.secrets {
        let state = receiver.borrow().clone();
        for rejection in state.history.iter().rev() {
            page.raw("<tr>").cell(&rfc3339(rejection.at)).cell(&state.name).cell(rejection.reason);
            page.cell(&rejection.text).raw("</tr>");
        }
    }
    for held in &status.held {
        page.raw("<tr>").cell("now").cell(&held.secrets.join(", ")).cell(held.reason);
        page.cell(&format!("{}: {}", held.owner, held.text)).raw("</tr>");
    }
    page.end_table();
}

/// Handshakes by listener, protocol, outcome and reason, as the metric counts them.
fn handshakes(page: &mut Page, view: &View) {
    let text = view.metrics.encode();
    let mut counts: BTreeMap<[String; 4], u64> = BTreeMap::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("jadegate_tls_handshakes_total{") else { continue };
        let Some((labels, count)) = rest.rsplit_once("} ") else { continue };
        let value = |name: &str| {
            let start = labels.find(&format!("{name}=\"")).map(|at| at + name.len() + 2)?;
            labels[start..].split('"').next().map(str::to_owned)
        };
        let row = ["listener", "protocol", "outcome", "reason"].map(|name| value(name).unwrap_or_default());
        counts.insert(row, count.parse().unwrap_or(0));
    }
    page.table("Handshakes", &["Listener", "Protocol", "Outcome", "Reason", "Count"]);
    for ([listener, protocol, outcome, reason], count) in counts {
        if count > 0 {
            page.raw("<tr>").cell(&listener).cell(&protocol).cell(&outcome).cell(&reason).number(count).raw("</tr>");
        }
    }
    page.end_table();
}

fn left_for_people(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds.abs() / 86_400, seconds.abs() / 3600 % 24, seconds.abs() / 60 % 60);
    let span = match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    };
    if seconds < 0 { format!("expired {span} ago") } else { span }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_cannot_become_markup() {
        let mut page = Page(String::new());
        page.text("<script>alert('x' & \"y\")</script>");
        assert_eq!(page.0, "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;");
    }

    #[test]
    fn time_left_reads_in_the_largest_units() {
        assert_eq!(left_for_people(59), "0 min");
        assert_eq!(left_for_people(3 * 3600 + 61), "3 h 1 min");
        assert_eq!(left_for_people(90 * 86_400 + 7200), "90 d 2 h");
        assert_eq!(left_for_people(-7200), "expired 2 h 0 min ago");
    }
}
