//! Many tenants: each its own, each to be disturbed alone.

use std::collections::HashSet;

use simulator::{Fault, Kind, Simulator};

use crate::client::*;

#[tokio::test]
async fn hundreds_of_customers_tell_their_own_numbers_by_every_api() {
    let sim = Simulator::builder().customers(200).start().unwrap();
    let customers = sim.customers();
    assert_eq!(customers.iter().collect::<HashSet<_>>().len(), 200);
    for number in [1, 57, 200] {
        let (id, domain) = (
            &customers[number - 1],
            format!("customer-{number:03}.example"),
        );
        let graph = token(&sim, id, GRAPH).await;
        let endpoint = token(&sim, &domain, ENDPOINT).await;
        let xdr = token(&sim, id, XDR).await;
        for (path, token, items) in [
            ("/v1.0/security/incidents?$expand=alerts", &graph, 3),
            ("/api/incidents", &xdr, 3),
            ("/api/machines", &endpoint, 1),
            ("/api/alerts", &endpoint, 1),
        ] {
            let url = format!("{}{path}", sim.origin());
            let (status, body) =
                read(http().get(url).bearer_auth(token).send().await.unwrap()).await;
            assert_eq!(
                (status, body["value"].as_array().unwrap().len()),
                (200, items),
                "{path}"
            );
            let (text, own) = (body.to_string(), format!("{number:03}"));
            assert!(text.contains(&own), "{path} {text}");
            for other in ["001", "057", "200"].iter().filter(|other| **other != own) {
                assert!(!text.contains(&format!("ustomer {other}")), "{path} {text}");
                assert!(
                    !text.contains(&format!("customer-{other}")),
                    "{path} {text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn one_customer_can_be_out_or_throttled_alone() {
    let sim = Simulator::builder().customers(3).start().unwrap();
    let path = "/v1.0/security/incidents";
    let customers = sim.customers();
    sim.inject(
        Fault::from(Kind::throttle(1))
            .path(path)
            .tenant(&customers[0])
            .times(0),
    );
    sim.inject(
        Fault::from(Kind::status(503))
            .path(path)
            .tenant("customer-002.example")
            .times(0),
    );
    for (customer, expected) in customers.iter().zip([429, 503, 200]) {
        let token = token(&sim, customer, GRAPH).await;
        let url = format!("{}{path}", sim.origin());
        let answer = http().get(url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected);
    }
}

#[test]
fn without_asking_there_are_none() {
    assert!(Simulator::start().customers().is_empty());
}
