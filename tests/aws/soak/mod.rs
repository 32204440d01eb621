//! The soak: a tenant that does not stand still is collected by environments that are throttled, cut off, killed at any point and
//! invoked at once, by clocks that disagree, and everything that had to be delivered is.
//!
//! `SOAK_SEED` runs a soak's choices again, though the machine's own timing differs all the same. `SOAK_UPDATES` changes how many
//! there are.

mod bench;
mod cloud;
mod environment;
mod happened;
mod relay;
mod script;
mod wire;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::json;
use simulator::{Fault, Kind, Simulator, time};

use cloud::{Cloud, Sink};
use environment::Environment;
use happened::Happened;
use relay::{Aws, Relay};
use script::Script;

/// Of a thousand requests to AWS so many fail.
const FAULTY: u32 = 2;
const TIMEOUT: Duration = Duration::from_secs(60);
const TENANT: &str = "harbourline.example";

/// What is soaked.
struct Soak {
    operation: &'static str,
    stream: &'static str,
    sink: Sink,
    updates: usize,
    /// How many seconds usually pass between rounds, at most.
    pause: u64,
    /// How far Microsoft's clock is ahead of ours at first, in seconds.
    skew: i64,
}

#[tokio::test]
async fn nothing_is_lost_and_only_what_a_killed_process_had_just_delivered_is_repeated() {
    let updates = std::env::var("SOAK_UPDATES").map_or(100_000, |text| {
        text.parse().expect("SOAK_UPDATES is a number")
    });
    soak(Soak {
        operation: "collect_incidents",
        stream: "incidents",
        sink: Sink::Objects,
        updates,
        pause: 1200,
        skew: -43_200,
    })
    .await;
}

#[tokio::test]
async fn alerts_come_through_a_queue() {
    small("collect_alerts", "alerts", Sink::Queue, 7200).await;
}

#[tokio::test]
async fn incidents_come_through_a_queue_that_keeps_their_order() {
    small("collect_incidents", "incidents", Sink::Fifo, -7200).await;
}

#[tokio::test]
async fn incidents_come_through_a_bus() {
    small("collect_incidents", "incidents", Sink::Bus, 0).await;
}

#[tokio::test]
async fn alerts_come_through_firehose() {
    small("collect_alerts", "alerts", Sink::Firehose, -86_400).await;
}

/// Where a sink takes longer for a batch than the function has, every run settles what it could deliver.
#[tokio::test]
async fn a_sink_too_slow_for_a_batch_gets_the_rest_of_it_in_the_next_run() {
    let simulator = Simulator::start();
    let start = now(&simulator);
    let script = Script::make(&mut Rng::with_seed(3), start, 200);
    simulator.edit(TENANT, |tenant| script.play(tenant, true));
    simulator.advance(Duration::from_secs(86_400));
    let cloud = Cloud::start(Sink::Queue);
    let relay = Relay::start(cloud.address, &Arc::default(), Rng::with_seed(3), 0);
    relay.delay_deliveries(Duration::from_millis(700));
    let timeout = Duration::from_secs(9);
    let mut environment = Environment::start("collect_alerts", &simulator, &cloud, relay, timeout);
    let mut happened = Happened::default();
    let since = json!({ "since": time::format(start) });
    while happened.complete == 0 && happened.runs < 20 {
        let input = if happened.runs == 0 {
            &since
        } else {
            &json!({})
        };
        let ran = environment.run(&simulator, input, None).await;
        assert!(ran.complete || ran.delivered > 0, "{ran:?}");
        happened.note(vec![ran]);
    }
    assert!(happened.runs > 1);
    assert_eq!(happened.refused, 0);
    let events = cloud.events();
    let distinct: HashSet<String> = events.iter().map(|event| wire::id(event)).collect();
    assert_eq!(distinct.len(), happened.settled.len());
    // The request under way when time ran out.
    assert!(events.len() - distinct.len() <= 10 * (happened.runs - 1));
}

async fn small(operation: &'static str, stream: &'static str, sink: Sink, skew: i64) {
    let updates = 400;
    soak(Soak {
        operation,
        stream,
        sink,
        updates,
        pause: 150,
        skew,
    })
    .await;
}

async fn soak(soak: Soak) {
    let seed = std::env::var("SOAK_SEED").map_or_else(
        |_| fastrand::u64(..),
        |seed| seed.parse().expect("SOAK_SEED is a number"),
    );
    println!("SOAK_SEED={seed} for {:?}", soak.sink);
    let begun = Instant::now();
    let mut random = Rng::with_seed(seed);
    let simulator = Simulator::builder()
        .live_clock()
        .clock_ahead_seconds(soak.skew)
        .start()
        .expect("loopback has a free port");
    let start = now(&simulator);
    let script = Script::make(&mut random, start, soak.updates);
    let tenant_id = simulator.edit(TENANT, |tenant| {
        script.play(tenant, soak.stream == "alerts");
        tenant.tenant_id.clone()
    });
    let faults = [
        (Kind::throttle(0), 0.01),
        (Kind::status(503), 0.0015),
        (Kind::DropAfter, 0.001),
        (Kind::CutBody { after_bytes: 900 }, 0.001),
        (Kind::MissingNextLink, 0.3),
    ];
    for (number, (kind, share)) in faults.into_iter().enumerate() {
        let fault = Fault::from(kind).path("/v1.0/security");
        simulator.inject(fault.share(share, seed.wrapping_add(number as u64)));
    }
    let cloud = Cloud::start(soak.sink);
    let aws = Arc::new(Aws::default());
    let mut environments: Vec<Environment> = (0..3)
        .map(|_| {
            let relay = Relay::start(cloud.address, &aws, random.fork(), FAULTY);
            Environment::start(soak.operation, &simulator, &cloud, relay, TIMEOUT)
        })
        .collect();

    let mut happened = Happened::default();
    let since = json!({ "since": time::format(start) });
    let ran = environments[0].run(&simulator, &since, None).await;
    happened.note(vec![ran]);
    while now(&simulator) < script.end {
        let seconds = match random.u32(0..10) {
            0 => 5 * random.u64(soak.pause / 2..soak.pause),
            1..=2 => random.u64(1..60),
            _ => random.u64(soak.pause / 4..soak.pause),
        };
        simulator.advance(Duration::from_secs(seconds));
        happened
            .round(&simulator, &mut environments, &mut random)
            .await;
        // Whoever was killed has given nothing back; its lease runs out.
        aws.advance(120);
    }
    for _ in 0..100 {
        let ran = environments[0].run(&simulator, &json!({}), None).await;
        let (is_complete, delivered) = (ran.complete, ran.delivered);
        happened.note(vec![ran]);
        if is_complete && delivered == 0 {
            break;
        }
        aws.advance(120);
    }

    let prefix = format!("{tenant_id}/{}", soak.stream);
    let held: Vec<String> = cloud.events().iter().map(|event| wire::id(event)).collect();
    let held: HashSet<String> = held.into_iter().collect();
    let tally = script.tally(&prefix, &held, &happened.stretches);
    let met: Vec<u32> = simulator.faults().iter().map(|fault| fault.met).collect();
    let at_aws: usize = environments.iter().map(Environment::faults).sum();
    println!(
        "{} {} to {:?} in {:.0?}:",
        tally.updates,
        soak.stream,
        soak.sink,
        begun.elapsed()
    );
    println!(
        "  {} delivered, {} superseded before a run could see them, {} lost",
        tally.delivered,
        tally.superseded,
        tally.lost.len()
    );
    println!(
        "  later than the look-back: {} delivered, {} not",
        tally.late_delivered, tally.late_missed
    );
    println!(
        "  {} runs: {} complete, {} killed, {} refused in {} overlaps",
        happened.runs, happened.complete, happened.killed, happened.refused, happened.overlaps
    );
    println!(
        "  {} requests throttled, {} failed, {at_aws} failed at AWS",
        met[0],
        met[1..4].iter().sum::<u32>()
    );
    println!(
        "  {} events repeated, of {} batches whose process was killed before their checkpoint; {} for a lost answer",
        happened.repeated(),
        happened.orphans,
        happened.again
    );
    assert!(tally.lost.is_empty(), "lost: {:?}", tally.lost);
    let twice: Vec<_> = happened
        .settled
        .iter()
        .filter(|(_, times)| **times > 1)
        .collect();
    assert!(twice.is_empty(), "settled more than once: {twice:?}");
    assert!(happened.again == 0 || at_aws > 0, "{}", happened.again);
    let unexcused = &happened.unexcused;
    assert!(unexcused.is_empty(), "not settled: {unexcused:?}");
}

fn now(simulator: &Simulator) -> i64 {
    time::parse(&simulator.now()).expect("the simulator writes instants")
}
