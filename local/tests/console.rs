//! Who is shown the console and who is answered by its gateway at all, header by header.

use std::sync::Arc;
use std::time::Duration;

use local::console::{Console, Simulated, Tenant};
use local::gateway::{Functions, Gateway};
use serde_json::json;
use simulator::{Kind, Simulator};

use crate::STAND_IN;
use crate::gateway::send;

const PAGE: &str = "GET / HTTP/1.1\nAccept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";

/// A gateway with a console before stand-ins that all behave alike.
fn gateway(tenant: Tenant, variables: &[(&str, &str)]) -> Gateway {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let functions = Functions::new(STAND_IN, variables);
    Gateway::with_console(functions, Console::new(tenant), 0).unwrap()
}

fn simulated() -> (Gateway, Arc<Simulator>) {
    let simulator = Arc::new(Simulator::start());
    let tenant = Tenant::Simulated(Simulated {
        simulator: Arc::clone(&simulator),
        id: "harbourline.example".to_owned(),
    });
    (gateway(tenant, &[("_HANDLER", "echo")]), simulator)
}

fn real() -> Gateway {
    behaving(&[("_HANDLER", "echo")])
}

fn behaving(variables: &[(&str, &str)]) -> Gateway {
    gateway(Tenant::Real("a-tenant".to_owned()), variables)
}

/// The invocations on the page, newest first.
fn invocations(gateway: &Gateway) -> Vec<String> {
    let page = String::from_utf8(send(gateway, PAGE, b"").body).unwrap();
    let (_, table) = page.split_once("invocations-table").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    table.split("<tbody").skip(1).map(str::to_owned).collect()
}

#[test]
fn browsers_see_the_console_at_the_root_and_others_the_list_of_routes() {
    let gateway = real();
    let page = send(&gateway, PAGE, b"");
    assert_eq!(page.status, 200);
    assert!(
        page.head.contains("content-type: text/html"),
        "{}",
        page.head
    );
    for accept in ["*/*", "application/json", "text/plain"] {
        let head = format!("GET / HTTP/1.1\nAccept: {accept}");
        let body = String::from_utf8(send(&gateway, &head, b"").body).unwrap();
        assert!(
            body.contains("/incidents") && !body.contains("<html"),
            "{accept}"
        );
    }
}

#[test]
fn the_page_may_load_and_send_at_its_own_address_only() {
    let page = send(&real(), PAGE, b"");
    for line in [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
    ] {
        assert!(page.head.contains(line), "{line} is not in {}", page.head);
    }
    let html = String::from_utf8(page.body).unwrap();
    for inline in ["<style", "style=", "onclick=", "<script>"] {
        assert!(!html.contains(inline), "{inline}");
    }
    let loaded: Vec<_> = html.split("src=\"").skip(1).collect();
    assert_eq!(loaded.len(), 2);
    for rest in loaded {
        let path = rest.split('"').next().unwrap();
        assert_eq!(
            send(&real(), &format!("GET {path} HTTP/1.1"), b"").status,
            200,
            "{path}"
        );
    }
}

#[test]
fn the_description_is_of_this_address_without_authorisation() {
    let document = send(&real(), "GET /openapi.json HTTP/1.1", b"").json();
    assert_eq!(document["servers"], json!([{ "url": "/" }]));
    assert_eq!(document.get("security"), None);
    assert!(document["paths"]["/incidents"]["get"].is_object());
}

#[test]
fn other_web_pages_reach_neither_functions_nor_switches() {
    let (gateway, simulator) = simulated();
    let own = gateway.url();
    for line in [
        "Origin: https://elsewhere.example",
        "Origin: null",
        "Origin: http://127.0.0.1:1",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate",
    ] {
        for (request, body) in [
            ("GET /incidents HTTP/1.1", ""),
            ("POST /devices/1/isolate HTTP/1.1", "{}"),
            (
                "POST /console/faults HTTP/1.1",
                "fault=unavailable&api=all&times=",
            ),
            ("GET /openapi.json HTTP/1.1", ""),
        ] {
            let answer = send(&gateway, &format!("{request}\n{line}"), body.as_bytes());
            assert_eq!(answer.status, 403, "{request} {line}");
            assert!(
                answer.head.contains("application/problem+json"),
                "{}",
                answer.head
            );
            let problem = answer.json();
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("Open the console"), "{detail}");
        }
    }
    assert!(simulator.faults().is_empty());
    for line in [
        format!("Origin: {own}"),
        "Sec-Fetch-Site: same-origin".to_owned(),
    ] {
        let answer = send(&gateway, &format!("GET /incidents HTTP/1.1\n{line}"), b"");
        assert_eq!(answer.status, 200, "{line}");
    }
    let linked = format!("{PAGE}\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate");
    assert_eq!(
        send(&gateway, &linked, b"").status,
        200,
        "a link to the console"
    );
}

#[test]
fn a_fault_is_switched_on_and_off_by_its_place() {
    let (gateway, simulator) = simulated();
    let post =
        |path: &str, form: &str| send(&gateway, &format!("POST {path} HTTP/1.1"), form.as_bytes());
    let on = post("/console/faults", "fault=throttled&api=graph&times=3");
    assert_eq!(on.status, 303);
    assert!(on.head.contains("location: /#faults"), "{}", on.head);
    post("/console/faults", "fault=expired-secret&api=all&times=");
    let faults = simulator.faults();
    assert!(matches!(faults[0].kind, Kind::Throttle { .. }));
    assert_eq!(
        (faults[0].path.as_deref(), faults[0].times),
        (Some("/v1.0/"), Some(3))
    );
    assert_eq!(
        (faults[1].path.as_deref(), faults[1].times),
        (None, Some(0))
    );
    let page = String::from_utf8(send(&gateway, PAGE, b"").body).unwrap();
    assert!(page.contains("Switch off: throttled of Microsoft Graph"));

    assert_eq!(post("/console/faults/end", "place=0").status, 303);
    assert!(matches!(simulator.faults()[..], [ref one] if matches!(one.kind, Kind::Entra { .. })));
    post("/console/faults/end", "place=all");
    assert!(simulator.faults().is_empty());
}

#[test]
fn a_form_that_is_wrong_says_what_is() {
    let (gateway, simulator) = simulated();
    for (form, named) in [
        ("fault=nothing&api=all&times=0", "`fault`"),
        ("fault=slow&api=all&times=often", "`times`"),
        ("fault=slow&times=1", "`api`"),
    ] {
        let answer = send(&gateway, "POST /console/faults HTTP/1.1", form.as_bytes());
        assert_eq!(answer.status, 400, "{form}");
        let problem = answer.json();
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{problem}"
        );
    }
    assert!(simulator.faults().is_empty());
    let answer = send(
        &real(),
        "POST /console/faults HTTP/1.1",
        b"fault=unavailable&api=all&times=",
    );
    assert_eq!(answer.status, 404);
}

#[test]
fn invocations_are_listed_newest_first_and_without_their_query() {
    let gateway = real();
    send(&gateway, "GET /incidents?filter=secret HTTP/1.1", b"");
    send(&gateway, "GET /incidents/7 HTTP/1.1", b"");
    send(&gateway, "GET /nowhere HTTP/1.1", b"");
    let rows = invocations(&gateway);
    assert_eq!(rows.len(), 2);
    assert!(
        rows[0].contains("get_incident") && rows[0].contains("GET /incidents/7"),
        "{rows:?}"
    );
    assert!(
        rows[1].contains("list_incidents") && rows[1].contains("200"),
        "{rows:?}"
    );
    assert!(!rows[1].contains("secret"), "{rows:?}");
}

#[test]
fn an_invocation_that_failed_is_listed_with_its_own_log_lines() {
    let gateway = behaving(&[("_HANDLER", "never_starts")]);
    for number in 1..=2 {
        send(&gateway, "GET /incidents HTTP/1.1", b"");
        let rows = invocations(&gateway);
        assert_eq!(rows.len(), number);
        assert_eq!(rows[0].matches("this is hopeless").count(), 1, "{rows:?}");
        assert!(
            rows[0].contains("500") && rows[0].contains("Runtime.ExitError"),
            "{rows:?}"
        );
    }
}

#[test]
fn a_streamed_answer_is_listed_once_it_has_ended() {
    let gateway = behaving(&[("_HANDLER", "streaming"), ("RESPONSE_STREAMING", "on")]);
    send(&gateway, "GET /incidents HTTP/1.1", b"");
    let rows = loop {
        let rows = invocations(&gateway);
        if !rows.is_empty() {
            break rows;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(
        rows[0].contains("list_incidents") && rows[0].contains("200"),
        "{rows:?}"
    );
}

#[test]
fn commands_learn_where_the_simulator_is_unless_the_tenant_is_real() {
    let (gateway, simulator) = simulated();
    let at = |gateway: &Gateway| send(gateway, "GET /console/simulator HTTP/1.1", b"");
    assert_eq!(at(&gateway).body, simulator.origin().as_bytes());
    assert_eq!(at(&real()).status, 404);
}
