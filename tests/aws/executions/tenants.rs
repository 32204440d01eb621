//! One operation for many customers' tenants: those that answer, those that do not, and nobody waiting for another.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use simulator::{Fault, Kind, Simulator};

use crate::stack::{STACK, Stack};

/// A stack with a registry, and a partner's customers, the first so many of whom have consented.
fn deploy(name: &str, customers: usize, active: usize) -> (Stack, Vec<String>) {
    let simulator = Simulator::builder()
        .customers(customers)
        .start()
        .expect("loopback has a free port");
    let customers = simulator.customers();
    let parameters = [
        ("Groups", "reading"),
        ("Tenants", "deploy"),
        ("AllowedTenants", "registry"),
        ("ReservedConcurrency", "0"),
    ];
    let stack = Stack::deploy_before(name, simulator, &parameters);
    for customer in &customers[..active] {
        register(&stack, customer, "active");
    }
    (stack, customers)
}

fn register(stack: &Stack, tenant: &str, state: &str) {
    let table = json!({ "stack": STACK, "name": "TenantsTable" });
    let table = stack.ask("resource", table);
    let row = json!({ "pk": tenant, "state": state });
    stack.ask("put_tenant", json!({ "table": table, "row": row }));
}

/// A fault of the API that serves incidents.
fn fault(stack: &Stack, kind: Kind, tenant: &str, times: u32) {
    let fault = Fault::from(kind).path("/v1.0/");
    stack.simulator.inject(fault.tenant(tenant).times(times));
}

fn counts(output: &Value) -> [Option<u64>; 3] {
    ["tenants", "succeeded", "failed"].map(|name| output[name].as_u64())
}

fn by_tenant(output: &Value) -> BTreeMap<&str, &Value> {
    let results = output["results"].as_array().expect("a list").iter();
    results
        .map(|result| (result["tenantId"].as_str().expect("an id"), result))
        .collect()
}

/// The tenants whose incidents were asked for, in order, by the tokens that were shown.
fn asked(stack: &Stack) -> Vec<String> {
    let requests = stack.simulator.requests();
    let of_api = requests
        .iter()
        .filter(|request| request.path.starts_with("/v1.0/"));
    let tenant = |token: &str| {
        let claims = token.split('.').nth(1)?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        claims["tid"].as_str().map(str::to_owned)
    };
    of_api
        .map(|request| {
            let token = request.header("authorization").and_then(tenant);
            token.expect("it shows a token")
        })
        .collect()
}

#[test]
fn each_tenant_is_told_apart_whatever_becomes_of_the_others() {
    let (stack, customers) = deploy("tenants", 7, 4);
    let [fine, throttled, down, large, late, invited, stranger] = &customers[..] else {
        panic!("seven customers")
    };
    register(&stack, late, "incomplete");
    register(&stack, invited, "invited");
    fault(&stack, Kind::throttle(60), throttled, 1);
    fault(&stack, Kind::throttle(600), late, 0);
    fault(&stack, Kind::status(500), down, 0);
    stack.simulator.edit(large, |tenant| {
        tenant.incidents[0].description = Some("x".repeat(100_000));
    });

    let all = json!({ "operation": "list_incidents", "input": { "top": 3 }, "maxConcurrency": 5 });
    let ended = stack.execute("for-each-tenant", &all);
    let output = ended.successfully(&stack);
    assert_eq!(output["operation"], "list_incidents");
    assert_eq!(counts(output), [Some(5), Some(3), Some(2)], "{output}");
    let of = by_tenant(output);
    for (tenant, number) in [(fine, 1), (throttled, 2)] {
        let items = of[tenant.as_str()]["answer"]["items"]
            .as_array()
            .expect("a list");
        assert_eq!(items.len(), 3, "{output}");
        for item in items {
            let name = item["displayName"].as_str().expect("a name");
            assert!(
                name.starts_with(&format!("Customer {number:03}:")),
                "{name}"
            );
        }
    }
    let problem = |tenant: &String| &of[tenant.as_str()]["problem"]["code"];
    assert_eq!(problem(down), "UpstreamUnavailable", "{output}");
    assert_eq!(problem(late), "Throttled", "{output}");
    let stored = &of[large.as_str()]["stored"];
    assert_eq!(bytes_of(&stack, stored), stored["bytes"], "{output}");
    let states = ended.0["states"].as_array().expect("states");
    let rounds = states.iter().filter(|state| *state == "Round").count();
    assert_eq!(rounds, 3, "the one that is down is asked again: {states:?}");
    let asked_of_late = asked(&stack).iter().filter(|one| *one == late).count();
    assert_eq!(
        asked_of_late, 1,
        "it wants more time than an execution gives"
    );

    those_that_are_named_are_asked(&stack, [throttled, fine, stranger]);
    nobody_is_asked_what_is_not_for_all(&stack);
    only_the_page_is_open(&stack);
}

fn bytes_of(stack: &Stack, stored: &Value) -> Value {
    let object = json!({ "bucket": stored["bucket"], "key": stored["key"] });
    stack.ask("digest", object)[0].take()
}

/// One at a time: who has to wait gives its place to the next.
fn those_that_are_named_are_asked(stack: &Stack, tenants: [&String; 3]) {
    let [throttled, fine, stranger] = tenants;
    fault(stack, Kind::throttle(60), throttled, 1);
    stack.simulator.clear_requests();
    let some = json!({ "operation": "list_incidents", "tenants": tenants, "maxConcurrency": 1 });
    let ended = stack.execute("for-each-tenant", &some);
    let output = ended.successfully(stack);
    assert_eq!(counts(output), [Some(3), Some(2), Some(1)], "{output}");
    let refused = &by_tenant(output)[stranger.as_str()]["problem"];
    assert_eq!(refused["code"], "TenantNotAllowed", "{output}");
    assert_eq!(
        asked(stack),
        [throttled, fine, throttled].map(String::as_str)
    );
}

fn nobody_is_asked_what_is_not_for_all(stack: &Stack) {
    stack.simulator.clear_requests();
    for operation in ["update_incident", "list_tenants", "list_devices"] {
        let ended = stack.execute("for-each-tenant", &json!({ "operation": operation }));
        let cause = ended.with("InvalidInput", "InvalidInput");
        assert!(cause.contains("list_alerts"), "{cause}");
    }
    let many: Vec<String> = (0..501).map(|number| number.to_string()).collect();
    let ended = stack.execute(
        "for-each-tenant",
        &json!({ "operation": "list_incidents", "tenants": many }),
    );
    ended.with("TooManyTenants", "TooManyTenants");
    assert_eq!(asked(stack), [] as [&str; 0]);
}

fn only_the_page_is_open(stack: &Stack) {
    let reply = |path: &str, signed: bool| {
        let api = format!("{STACK}-tenants");
        let request =
            json!({ "api": api, "method": "GET", "path": path, "body": "", "signed": signed });
        stack.ask("request", request)
    };
    let page = reply("/consent?tenant=anybody&admin_consent=True", false);
    assert_eq!(page["status"], 400, "{page}");
    let kind = page["headers"]["content-type"].as_str().expect("a type");
    assert!(kind.starts_with("text/html"), "{page}");
    assert_eq!(reply("/tenants", false)["status"], 403);
    let list = reply("/tenants?state=invited", true);
    assert_eq!(list["status"], 200, "{list}");
}

/// ministack passes over the JSONata of a distributed Map, so that its children run within the execution here.
#[test]
fn the_answers_of_many_tenants_are_stored() {
    let (stack, customers) = deploy("many-tenants", 42, 42);
    let down = &customers[7];
    fault(&stack, Kind::status(500), down, 0);
    let all = json!({ "operation": "list_incidents", "maxConcurrency": 8 });
    let ended = stack.execute("for-each-tenant", &all);
    let output = ended.successfully(&stack);
    assert_eq!(counts(output), [Some(42), Some(41), Some(1)], "{output}");
    let states = ended.0["states"].as_array().expect("states");
    assert!(states.contains(&json!("AskMany")), "{states:?}");
    for (tenant, result) in by_tenant(output) {
        if tenant == down {
            assert_eq!(result["problem"]["code"], "UpstreamUnavailable", "{result}");
            continue;
        }
        let key = result["stored"]["key"].as_str().expect("a key");
        assert!(key.starts_with(tenant), "{result}");
    }
    let stored = &by_tenant(output)[customers[41].as_str()]["stored"];
    assert_eq!(bytes_of(&stack, stored), stored["bytes"]);
}
