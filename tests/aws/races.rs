//! Callers that race for the same devices, while answers are lost, actions are late and quotas are used up: whatever the
//! interleaving, no device gets two equal actions, no release overtakes an isolation, and every call ends in a true outcome.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use fastrand::Rng;
use local::runtime_api::Function;
use serde_json::{Value, json};
use simulator::{ActionKind, Device, Fault, Kind, Pace, Simulator, Status, WhenInProgress};

use crate::moto::Moto;

const TENANT: &str = "harbourline.example";
const TABLE: &str = "leases";
const DEVICES: usize = 5;
const CALLERS: usize = 6;
const CALLS: usize = 12;

/// What a call was about, and how it ended.
struct Call {
    device: String,
    kind: ActionKind,
    /// Told apart by its comment.
    comment: String,
    ended: Result<Value, Value>,
}

#[tokio::test]
async fn callers_race_where_equal_actions_are_accepted() {
    race(WhenInProgress::Accept).await;
}

#[tokio::test]
async fn callers_race_where_the_pending_action_is_answered() {
    race(WhenInProgress::ReturnPending).await;
}

#[tokio::test]
async fn callers_race_where_equal_actions_are_refused() {
    race(WhenInProgress::Refuse).await;
}

/// `RACE_SEED` runs an interleaving's choices again; the machine's own timing differs all the same.
async fn race(when_in_progress: WhenInProgress) {
    let seed = std::env::var("RACE_SEED").map_or_else(
        |_| fastrand::u64(..),
        |seed| seed.parse().expect("RACE_SEED is a number"),
    );
    println!("RACE_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let moto = Moto::start();
    moto.ask("create_lease_table", &json!({ "name": TABLE }));
    let simulator = Simulator::builder()
        .live_clock()
        .start()
        .expect("loopback has a free port");
    let devices = simulator.edit(TENANT, |tenant| {
        tenant.when_in_progress = when_in_progress;
        tenant.actions_visible_after = Duration::from_millis(random.u64(0..300));
        tenant.action_pace = Pace {
            pending: Duration::from_millis(random.u64(100..300)),
            running: Duration::from_millis(random.u64(200..600)),
        };
        for _ in 0..12 {
            let ends = [Status::Failed, Status::TimeOut, Status::Succeeded];
            let after = Duration::from_millis(random.u64(0..900));
            let kind = [ActionKind::Isolate, ActionKind::Unisolate][random.usize(0..2)];
            tenant
                .next_actions_end(kind, ends[random.usize(0..3)], after)
                .times(1);
        }
        let devices = fresh_devices(&tenant.devices[0], &mut random);
        tenant.devices.extend(devices.clone());
        devices
    });
    let faults = [
        Kind::DropAfter,
        Kind::DropAfter,
        Kind::CutBody { after_bytes: 40 },
        // Longer than the request is waited for.
        Kind::Delay { milliseconds: 2500 },
        Kind::throttle(1),
        Kind::throttle(1),
        Kind::throttle(120),
        // Nobody can tell these from an accepted action whose answer is lost.
        [Kind::DropBefore, Kind::status(503)][random.usize(0..2)].clone(),
    ];
    for fault in faults {
        // Between a look and its lookups, on reads and on changes.
        let fault = Fault::from(fault).skip(random.u32(0..6));
        let path = ["/api/machines/", "/api/machines/", "/api/machineactions"][random.usize(0..3)];
        simulator.inject(fault.path(path));
    }

    let turn = AtomicUsize::new(0);
    let callers = (0..CALLERS).map(|caller| {
        let mut random = random.fork();
        let kind = [ActionKind::Isolate, ActionKind::Unisolate][caller % 2];
        let function = function(&simulator, &moto, kind);
        let (devices, turn) = (&devices, &turn);
        async move {
            let mut calls = Vec::new();
            for _ in 0..CALLS {
                let device = devices[random.usize(0..DEVICES)].id.clone();
                let comment = format!("call {}.", turn.fetch_add(1, Ordering::Relaxed));
                let input = json!({ "deviceId": device, "comment": comment });
                let outcome = function.invoke(input.to_string()).await;
                let ended = match outcome.error() {
                    None => Ok(outcome.json()),
                    Some(_) => Err(outcome.problem()),
                };
                calls.push(Call {
                    device,
                    kind,
                    comment,
                    ended,
                });
                tokio::time::sleep(Duration::from_millis(random.u64(0..250))).await;
            }
            calls
        }
    });
    let calls = futures_util::future::join_all(callers).await;
    let calls: Vec<Call> = calls.into_iter().flatten().collect();

    for device in &devices {
        judge_device(&simulator, &device.id);
    }
    let mut ends: HashMap<String, usize> = HashMap::new();
    for call in &calls {
        *ends.entry(judge_call(&simulator, call)).or_default() += 1;
    }
    println!("{ends:?}");
    let met = |end: &str| ends.contains_key(end);
    assert!(
        met("requested") && (met("Conflict") || met("alreadyRequested")),
        "a race in which nobody meets anybody shows nothing: {ends:?}"
    );
}

/// Devices that nothing has happened to yet.
fn fresh_devices(like: &Device, random: &mut Rng) -> Vec<Device> {
    let device = |_| Device {
        id: (0..40).map(|_| random.digit(16)).collect(),
        ..like.clone()
    };
    (0..DEVICES).map(device).collect()
}

fn function(simulator: &Simulator, moto: &Moto, kind: ActionKind) -> Function {
    let operation = match kind {
        ActionKind::Isolate => "isolate_device",
        _ => "release_device",
    };
    Function::builder(env!("CARGO_BIN_EXE_bootstrap"), operation)
        .envs(simulator.environment())
        .envs(moto.environment("DYNAMODB"))
        .env("LEASE_TABLE", TABLE)
        .timeout(Duration::from_secs(4))
        .start()
        .expect("bootstrap starts")
}

/// What the device was really given: one thing after the other, and nothing that held already.
fn judge_device(simulator: &Simulator, device: &str) {
    let history = simulator.edit(TENANT, |tenant| tenant.history(device));
    for (at, action) in history.iter().enumerate() {
        let before = &history[..at];
        let open = before
            .iter()
            .find(|earlier| earlier.ended.is_none_or(|ended| ended > action.accepted));
        assert!(
            open.is_none(),
            "{device} was given {action:?} while {open:?} was under way"
        );
        let last = before.iter().max_by_key(|earlier| earlier.ended);
        let holds = last.filter(|last| last.status == Status::Succeeded);
        assert!(
            holds.is_none_or(|holds| holds.kind != action.kind),
            "{device} was given {action:?} although {holds:?} held"
        );
    }
}

/// Checks a call's outcome against what really happened, and names it.
fn judge_call(simulator: &Simulator, call: &Call) -> String {
    let (own, all) = simulator.edit(TENANT, |tenant| {
        let of_device = tenant
            .actions
            .iter()
            .filter(|action| action.machine_id == call.device);
        let all: Vec<_> = of_device.cloned().collect();
        let own: Vec<_> = all
            .iter()
            .filter(|action| action.comment.starts_with(&call.comment))
            .map(|action| action.id.clone())
            .collect();
        (own, all)
    });
    let context = || format!("{:?}: own actions {own:?}", call.ended);
    assert!(own.len() <= 1, "sent twice: {}", context());
    match &call.ended {
        Ok(answer) => {
            let id = answer["action"]["id"]
                .as_str()
                .expect("an action has an id");
            let action = all.iter().find(|action| action.id == id);
            let action = action.unwrap_or_else(|| panic!("no such action: {}", context()));
            assert_eq!(action.kind, call.kind, "{}", context());
            match answer["outcome"].as_str() {
                Some("requested") => assert_eq!(own, [id], "{}", context()),
                Some("alreadyRequested") => assert!(own.is_empty(), "{}", context()),
                _ => panic!("{}", context()),
            }
            answer["outcome"].as_str().expect("as matched").to_owned()
        }
        Err(problem) => {
            let code = problem["code"].as_str().expect("a problem has a code");
            match code {
                "OutcomeUnknown" => {}
                "Conflict" | "Throttled" | "DeadlineExceeded" | "UpstreamUnavailable" => {
                    assert!(own.is_empty(), "{}", context())
                }
                _ => panic!("{}", context()),
            }
            code.to_owned()
        }
    }
}
