//! What the functions are to reach beside the floor and beside what people write today, and whether a run reached it.

use std::fmt::Write;

use serde::Serialize;

use crate::canned;
use crate::contestants::{FLOOR, OURS};
use crate::figures::Figures;
use crate::job::Job;
use crate::table::{Row, Section};

/// A target, what was reached, and whether that meets it. A run never fails by one: machines differ.
#[derive(Debug, Serialize)]
pub struct Target {
    pub what: String,
    /// What is wanted, or why it is not judged.
    pub wanted: String,
    pub reached: String,
    /// None: not judged.
    pub met: Option<bool>,
}

/// MiB in bytes.
const MIB: f64 = 1_048_576.0;

/// All targets that the run has figures for, taken without a CPU share. `unlike` says why the floor is no measure of this run, if it
/// is none.
pub fn judge(sections: &[Section], unlike: Option<&'static str>) -> Vec<Target> {
    let mut targets = Vec::new();
    let plain = |section: &&Section| !section.quota && section.concurrency == 1;
    for section in sections.iter().filter(plain) {
        let Some(ours) = section.row(OURS) else {
            continue;
        };
        if let Some(floor) = section.row(FLOOR) {
            let from = targets.len();
            beside_floor(&mut targets, section.job, &ours.medians, &floor.medians);
            if let Some(why) = unlike.or(unlike_in(section.job)) {
                for target in &mut targets[from..] {
                    (target.met, target.wanted) = (None, why.to_owned());
                }
            }
        }
        alone(&mut targets, section.job, &ours.medians);
        for row in &section.rows {
            beside_others(&mut targets, section.job, ours, row);
        }
        if section.job == Job::Incidents50 {
            at_most(
                &mut targets,
                "binary".to_owned(),
                ours.size.files as f64 / 1e6,
                4.0,
                "MB",
            );
            at_most(
                &mut targets,
                "zip".to_owned(),
                ours.size.zip as f64 / 1e6,
                1.8,
                "MB",
            );
        }
    }
    for section in sections.iter().filter(|section| section.concurrency > 1) {
        if let Some(ours) = section.row(OURS) {
            let what = format!("token requests of {} events at once", section.concurrency);
            at_most(&mut targets, what, ours.medians.tokens, 1.0, "");
        }
    }
    targets
}

/// Why the floor is no measure of a job, if it is none.
fn unlike_in(job: Job) -> Option<&'static str> {
    (job == Job::Isolate).then_some(
        "ours sends three requests, a look, the change and another look, and the floor only the change",
    )
}

fn beside_floor(targets: &mut Vec<Target>, job: Job, ours: &Figures, floor: &Figures) {
    let mut times = |figure: &str, ours: Option<f64>, floor: Option<f64>, most: f64| {
        if let (Some(ours), Some(floor)) = (ours, floor)
            && floor > 0.0
        {
            let what = format!("{job}: {figure} beside the floor");
            at_most(targets, what, ours / floor, most, "times");
        }
    };
    let most = if job == Job::HuntStreamed { 1.2 } else { 1.3 };
    times("cold", Some(ours.cold), Some(floor.cold), 1.5);
    times("warm p50", ours.warm_p50, floor.warm_p50, most);
    times("CPU of a warm event", ours.warm_cpu, floor.warm_cpu, 1.5);
    if job.handler() == "list_incidents" {
        let what = format!("{job}: memory above the floor's");
        at_most(
            targets,
            what,
            (ours.memory - floor.memory) / MIB,
            3.0,
            "MiB",
        );
    }
}

fn alone(targets: &mut Vec<Target>, job: Job, ours: &Figures) {
    match job {
        Job::HuntStreamed => {
            let what = format!("{job}: memory");
            at_most(targets, what, ours.memory / MIB, 12.0, "MiB");
        }
        Job::HuntBuffered => {
            let body = canned::hunt(canned::ROWS_BUFFERED).len() as f64;
            let what = format!(
                "{job}: all its memory beside the body's {:.1} MiB (100,000 rows cannot be answered buffered: Lambda takes 6 MB)",
                body / MIB
            );
            at_most(targets, what, ours.memory / body, 1.1, "times");
        }
        _ => {}
    }
}

fn beside_others(targets: &mut Vec<Target>, job: Job, ours: &Row, other: &Row) {
    let name = other.contestant;
    let is_script = name.starts_with("python") || name.starts_with("node");
    let faster = match is_script {
        true => 10.0,
        false if name.starts_with("default-rust") => 5.0,
        false => return,
    };
    // What is said of a cold start is said of every way to prove who one is.
    if !matches!(
        job,
        Job::Incidents50 | Job::ColdSecret | Job::ColdFederation
    ) {
        return;
    }
    let cold = other.medians.cold / ours.medians.cold;
    let what = format!("{job}: cold faster than {name}");
    at_least(targets, what, cold, faster);
    if is_script && job == Job::Incidents50 {
        let memory = other.medians.memory / ours.medians.memory;
        let what = format!("{job}: memory less than {name}");
        at_least(targets, what, memory, 10.0);
    }
}

fn at_most(targets: &mut Vec<Target>, what: String, reached: f64, most: f64, unit: &str) {
    targets.push(Target {
        what,
        wanted: format!("at most {most} {unit}").trim_end().to_owned(),
        reached: format!("{reached:.2}"),
        met: Some(reached <= most),
    });
}

fn at_least(targets: &mut Vec<Target>, what: String, reached: f64, least: f64) {
    targets.push(Target {
        what,
        wanted: format!("at least {least} times"),
        reached: format!("{reached:.2}"),
        met: Some(reached >= least),
    });
}

/// The targets as a list.
pub fn list(targets: &[Target]) -> String {
    let mut list = "### Targets\n\n".to_owned();
    for Target {
        what,
        wanted,
        reached,
        met,
    } in targets
    {
        let met = match met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not judged",
        };
        let _ = writeln!(list, "- {met}: {what}: {reached} ({wanted})");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Size;

    /// A run of ours and the floor, equally good.
    fn run(job: Job) -> [Section; 1] {
        let row = |contestant| Row {
            contestant,
            n: 1,
            medians: Figures {
                cold: 3.0,
                warm_p50: Some(0.1),
                ..Figures::default()
            },
            size: Size::default(),
        };
        [Section {
            job,
            quota: false,
            concurrency: 1,
            rows: vec![row(OURS), row(FLOOR)],
        }]
    }

    fn beside_floor(targets: Vec<Target>) -> Vec<Option<bool>> {
        let beside = |target: &Target| target.what.contains("the floor");
        let targets = targets.into_iter().filter(beside);
        targets.map(|target| target.met).collect()
    }

    #[test]
    fn who_is_as_good_as_the_floor_meets_what_is_judged_by_it() {
        let met = beside_floor(judge(&run(Job::ColdSecret), None));
        assert_eq!(met, [Some(true); 3], "cold, warm and memory");
    }

    #[test]
    fn a_floor_that_does_something_else_judges_nobody() {
        assert_eq!(beside_floor(judge(&run(Job::Isolate), None)), [None; 2]);
        let far = judge(&run(Job::HuntStreamed), Some("it is far away"));
        assert!(list(&far).contains("not judged: hunt-streamed: cold beside the floor: 1.00"));
        assert!(list(&far).contains("it is far away"));
        assert_eq!(beside_floor(far), [None; 2]);
    }
}
