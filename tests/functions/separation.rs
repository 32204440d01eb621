//! Separation: calls of many tenants at once in one process, and no token that serves a tenant, app or API but its own.

use std::{
    collections::HashMap,
    ops::Range,
    time::{Duration, SystemTime},
};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use defender_functions::{
    api::Api,
    call::{App, Call, Invocation},
    client::Room,
    config::{Config, Tenant},
    operations,
    time::{Deadline, Timestamp},
};
use futures_util::future::join_all;
use local::runtime_api::{self, Outcome};
use serde_json::{Value, json};
use simulator::{Fault, Kind, Request, Simulator};

use crate::{api_requests, builder, code, ids, token_requests, variable};

const CUSTOMERS: usize = 36;
const AT_ONCE: usize = 64;
/// Calls about each customer in each of the two waves.
const CALLS: usize = 9;
const HANGING: usize = 9;

/// What a customer's calls meet.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lot {
    Served,
    /// Its first requests get 429.
    Throttled,
    /// One of its requests gets 401.
    RefusedOnce,
    /// Its tokens are revoked between the two waves.
    Revoked,
    /// Its tokens end between the two waves.
    ShortLived,
    /// Its directory knows another secret.
    WrongSecret,
    /// Graph never answers.
    Hanging,
}

impl Lot {
    fn of(customer: usize) -> Self {
        match customer {
            HANGING | 27 => Self::Hanging,
            _ => match customer % 9 {
                1 => Self::Throttled,
                3 => Self::RefusedOnce,
                4 => Self::Revoked,
                5 => Self::ShortLived,
                7 => Self::WrongSecret,
                _ => Self::Served,
            },
        }
    }

    fn befall(self, simulator: &Simulator, tenant: &str) {
        let on_graph = |kind| Fault::from(kind).path("/v1.0/").tenant(tenant);
        match self {
            Self::Served | Self::Revoked => {}
            Self::Throttled => simulator.inject(on_graph(Kind::throttle(1)).times(4)),
            Self::RefusedOnce => simulator.inject(on_graph(Kind::Unauthorized).skip(2).times(1)),
            Self::Hanging => simulator.inject(on_graph(Kind::Hang).times(0)),
            Self::ShortLived => {
                simulator.edit(tenant, |tenant| tenant.apps[0].token_lifetime_seconds = 2);
            }
            Self::WrongSecret => simulator.edit(tenant, |tenant| {
                tenant.apps[0].secrets[0].value = "another".to_owned();
            }),
        }
    }
}

fn customers() -> (Simulator, Vec<String>) {
    let simulator = Simulator::builder().customers(CUSTOMERS).start().unwrap();
    let customers = simulator.customers();
    (simulator, customers)
}

/// The request id of a call, by which Graph's requests can be told apart too.
fn request_id(customer: usize, call: usize) -> String {
    format!("8e2f4d07-0000-4000-8000-{customer:06x}{call:06x}")
}

fn trace_id(customer: usize, call: usize) -> String {
    format!("1-5bef4de7-{customer:012x}{call:012x}")
}

/// The tenant, the app and the API that the token of a request is for.
fn owner(request: &Request) -> [String; 3] {
    let token = request.header("authorization").unwrap_or_default();
    let claims = token.split('.').nth(1).expect("a JWT has three parts");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    ["tid", "appid", "aud"].map(|name| claims[name].as_str().unwrap().to_owned())
}

/// An invocation about one customer, and what came of it.
struct Called {
    customer: usize,
    request_id: String,
    trace_id: String,
    outcome: Outcome,
}

/// Calls about every customer in turn, all at once as far as the function takes them.
async fn wave(
    function: &runtime_api::Function,
    customers: &[String],
    calls: Range<usize>,
) -> Vec<Called> {
    let calls = calls.flat_map(|call| (0..CUSTOMERS).map(move |customer| (customer, call)));
    let called = calls.map(|(customer, call)| async move {
        let (request_id, trace_id) = (request_id(customer, call), trace_id(customer, call));
        let invocation = runtime_api::Invocation {
            payload: json!({ "tenantId": customers[customer] })
                .to_string()
                .into(),
            timeout: Some(Duration::from_secs(match Lot::of(customer) {
                Lot::Hanging => 2,
                _ => 60,
            })),
            request_id: Some(request_id.clone()),
            trace_id: Some(format!("Root={trace_id};Parent=9a9197af755a6419;Sampled=0")),
            ..Default::default()
        };
        Called {
            customer,
            request_id,
            trace_id,
            outcome: function.invoke_with(invocation).await,
        }
    });
    join_all(called).await
}

#[tokio::test]
async fn hundreds_of_calls_of_many_tenants_at_once_keep_to_their_own() {
    let (simulator, customers) = customers();
    for (customer, tenant) in customers.iter().enumerate() {
        Lot::of(customer).befall(&simulator, tenant);
    }
    let function = builder(&simulator, "list_incidents")
        .env("ALLOWED_TENANTS", customers.join(","))
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .concurrency(AT_ONCE)
        .start()
        .unwrap();
    let mut called = wave(&function, &customers, 0..CALLS).await;
    for (customer, tenant) in customers.iter().enumerate() {
        if Lot::of(customer) == Lot::Revoked {
            simulator.edit(tenant, |tenant| tenant.revoke_tokens());
        }
    }
    // Three quarters of two seconds is when a token of two seconds is renewed.
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    called.extend(wave(&function, &customers, CALLS..2 * CALLS).await);

    called
        .iter()
        .for_each(|called| tells_of(called, &customers));
    let about: HashMap<_, _> = called
        .iter()
        .map(|called| (called.request_id.as_str(), &customers[called.customer]))
        .collect();
    let app = variable(&simulator, "AZURE_CLIENT_ID");
    for request in api_requests(&simulator) {
        let tenant = about[request.header("client-request-id").unwrap()];
        assert_eq!(
            owner(&request),
            [tenant, &app, "https://graph.microsoft.com"]
        );
    }
    let tokens = token_requests(&simulator);
    for (customer, tenant) in customers.iter().enumerate() {
        let path = format!("/{tenant}/oauth2/v2.0/token");
        let fetched = tokens.iter().filter(|request| request.path == path).count();
        let expected = match Lot::of(customer) {
            Lot::Served | Lot::Throttled | Lot::Hanging => 1..=1,
            Lot::RefusedOnce | Lot::Revoked => 2..=2,
            // How often depends on how long the waves take.
            Lot::ShortLived | Lot::WrongSecret => 2..=usize::MAX,
        };
        assert!(
            expected.contains(&fetched),
            "{customer}, {:?}: {fetched} tokens",
            Lot::of(customer)
        );
    }
    has_a_line_each(&function.logs(), &called, &customers);
    assert_eq!(function.starts(), 1);
}

/// The customer's own incidents or its own failure, and not a word about another.
#[track_caller]
fn tells_of(called: &Called, customers: &[String]) {
    let Called {
        customer, outcome, ..
    } = called;
    match Lot::of(*customer) {
        Lot::WrongSecret => assert_eq!(code(outcome), "CredentialRejected"),
        Lot::Hanging => assert_eq!(code(outcome), "DeadlineExceeded"),
        _ => {
            let answer = outcome.json();
            let first = 100_010 + customer * 10;
            let own = [first, first + 1, first + 2].map(|id| id.to_string());
            assert_eq!(ids(&answer), own);
            for incident in answer["items"].as_array().unwrap() {
                assert_eq!(incident["tenantId"], json!(customers[*customer]));
            }
        }
    }
    let text = match outcome {
        Outcome::Answer(body) => String::from_utf8_lossy(body).into_owned(),
        failure => format!("{failure:?}"),
    };
    for (other, tenant) in customers.iter().enumerate() {
        if other != *customer {
            let number = other + 1;
            for name in [tenant, &format!("Customer {number:03}")] {
                assert!(!text.contains(name), "{name} is in {text}");
            }
        }
    }
}

/// Each invocation wrote its own line and nothing else did; the first that hung was not waited for.
#[track_caller]
fn has_a_line_each(logs: &str, called: &[Called], customers: &[String]) {
    let lines: Vec<Value> = logs
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), called.len());
    let places: HashMap<_, _> = lines
        .iter()
        .enumerate()
        .map(|(place, line)| (line["requestId"].as_str().unwrap(), place))
        .collect();
    for called in called {
        let line = &lines[places[&*called.request_id]];
        assert_eq!(line["tenant"], json!(customers[called.customer]));
        assert_eq!(line["traceId"], json!(called.trace_id));
        assert_eq!(line["code"].is_string(), called.outcome.error().is_some());
    }
    assert!(places[&*request_id(HANGING, 0)] > HANGING, "{logs}");
}

/// In one process, which two apps never share outside of a test: it is not only their processes that keep them apart.
#[tokio::test]
async fn apps_and_apis_never_share_a_token() {
    let (simulator, customers) = customers();
    let day = variable(&simulator, "AZURE_CLIENT_ID");
    let night = "c84a0f19-7d36-4e52-b1c0-6f9e8d7a5b43".to_owned();
    for tenant in &customers {
        simulator.edit(tenant, |tenant| {
            let mut app = tenant.apps[0].clone();
            app.client_id = night.clone();
            tenant.apps.push(app);
        });
    }
    let apps = [day, night].map(|client_id| {
        let mut environment: HashMap<_, _> = simulator.environment().into_iter().collect();
        environment.insert("AZURE_CLIENT_ID".to_owned(), client_id);
        App::new(Config::read(|name| environment.get(name).cloned()).unwrap()).unwrap()
    });
    let apis: [(_, _, &[&str], _); 3] = [
        (Api::Graph, "list_incidents", &["incidents"], "assignedTo"),
        (Api::Xdr, "list_incidents", &["incidents"], "assignedTo"),
        (
            Api::Endpoint,
            "list_investigations",
            &["investigations"],
            "machineId",
        ),
    ];
    let invocation = Invocation {
        request_id: "d6a1f0c2-3f59-4f0e-9a47-51b8c2e7d903",
        trace_id: None,
        deadline: Deadline::of_lambda(SystemTime::now() + Duration::from_secs(60)),
        room: Room {
            bytes: 1_000_000,
            escaped: false,
        },
        isolated: None,
        now: Timestamp::now(),
    };
    // What a call filters by says whose it is.
    let mut owners = HashMap::new();
    let mut calls = Vec::new();
    for _ in 0..3 {
        for tenant in &customers {
            for app in &apps {
                for (api, operation, path, field) in apis {
                    let filter = format!("{field} eq 'call {}'", calls.len());
                    let owner = [
                        tenant,
                        &app.config.client_id,
                        &app.config.upstream(api).audience,
                    ];
                    owners.insert(filter.clone(), owner.map(String::clone));
                    let permissions = operations::find(operation).unwrap().permissions;
                    let tenant = Tenant::parse(tenant).unwrap();
                    let call = Call::new(app, api, permissions, tenant, invocation);
                    calls.push(async move {
                        let query = [("$filter", filter.as_str())];
                        call.get::<Value>(path, &query).await.unwrap();
                    });
                }
            }
        }
    }
    join_all(calls).await;
    let requests = api_requests(&simulator);
    assert_eq!(requests.len(), owners.len());
    for request in requests {
        let filter = request.parameter("$filter").unwrap();
        assert_eq!(owner(&request), owners[filter]);
    }
    let tokens = CUSTOMERS * apps.len() * apis.len();
    assert_eq!(token_requests(&simulator).len(), tokens);
}
