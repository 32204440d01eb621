//! How fast a backlog is worked off, and in how much memory.

use std::time::{Duration, Instant};

use fastrand::Rng;
use local::runtime_api::Function;
use serde_json::json;
use simulator::{Simulator, time};

use super::{
    TENANT,
    cloud::{Cloud, Sink},
    now,
    script::Script,
};

/// Without faults, kills or waits; what stands in for Microsoft and AWS takes most of the time.
#[tokio::test]
#[ignore = "a bench: cargo test --release --test aws backlog -- --ignored --nocapture"]
async fn a_backlog_of_any_size_is_worked_off_in_the_same_memory() {
    println!("   items   items/s   peak memory");
    for items in [1000, 10_000, 100_000] {
        let cloud = Cloud::start(Sink::Objects);
        let simulator = Simulator::builder().live_clock().start();
        let simulator = simulator.expect("loopback has a free port");
        let start = now(&simulator);
        let script = Script::make(&mut Rng::with_seed(1), start, items);
        simulator.edit(TENANT, |tenant| script.play(tenant, false));
        simulator.advance(Duration::from_nanos((script.end - start) as u64 * 100));
        let function = Function::builder(env!("CARGO_BIN_EXE_bootstrap"), "collect_incidents")
            .envs(simulator.environment())
            .envs(cloud.environment(cloud.origin()))
            .timeout(Duration::from_secs(900))
            .start()
            .expect("bootstrap starts");
        let begun = Instant::now();
        let input = json!({ "since": time::format(start) }).to_string();
        let answer = function.invoke(input).await.json();
        let taken = begun.elapsed();
        assert_eq!(answer["complete"], true, "{answer}");
        let delivered = answer["delivered"].as_u64().expect("a number");
        println!(
            "{delivered:>8}  {:>8.0}  {:>7.1} MiB",
            delivered as f64 / taken.as_secs_f64(),
            function.peak_memory_kib() as f64 / 1024.0,
        );
    }
}
