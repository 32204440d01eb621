//! What the functions are to reach beside the floor and beside what people write today, and whether a run reached it.

use std::fmt::Write;

use serde::Serialize;

use crate::canned;
use crate::contestants::{FLOOR, OURS};
use crate::job::Job;
use crate::measure::Figures;
use crate::table::{Row, Section};

/// A target, what was reached, and whether that meets it. A run never fails by one: machines differ.
#[derive(Debug, Serialize)]
pub struct Target {
    pub what: String,
    pub wanted: String,
    pub reached: String,
    pub met: bool,
}

/// MiB in bytes.
const MIB: f64 = 1_048_576.0;

/// All targets that the run has figures for, taken without a CPU share.
pub fn judge(sections: &[Section]) -> Vec<Target> {
    let mut targets = Vec::new();
    let plain = |section: &&Section| !section.quota && section.concurrency == 1;
    for section in sections.iter().filter(plain) {
        let Some(ours) = section.row(OURS) else {
            continue;
        };
        if let Some(floor) = section.row(FLOOR) {
            beside_floor(&mut targets, section.job, &ours.medians, &floor.medians);
        }
        alone(&mut targets, section.job, &ours.medians);
        if section.job == Job::HuntBuffered
            && let Some(list) = lists(sections)
        {
            let body = canned::hunt(canned::ROWS_BUFFERED).len() as f64;
            let what = format!(
                "{}: memory above that of 50 incidents, beside the body",
                section.job
            );
            let more = ours.medians.memory - list.medians.memory;
            at_most(&mut targets, what, more / body, 1.1, "times");
        }
        if section.job == Job::Incidents50 {
            for row in &section.rows {
                beside_others(&mut targets, ours, row);
            }
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

/// What ours took for 50 incidents.
fn lists(sections: &[Section]) -> Option<&Row> {
    let mut plain = sections
        .iter()
        .filter(|section| !section.quota && section.concurrency == 1);
    plain
        .find(|section| section.job == Job::Incidents50)?
        .row(OURS)
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
    if job == Job::HuntStreamed {
        return times("time", ours.warm_p50, floor.warm_p50, 1.2);
    }
    times("cold", Some(ours.cold), Some(floor.cold), 1.5);
    times("warm p50", ours.warm_p50, floor.warm_p50, 1.3);
    times("CPU of a warm event", ours.warm_cpu, floor.warm_cpu, 1.5);
    if matches!(job, Job::Incidents50 | Job::Incidents500) {
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
                "{job}: all its memory beside the body's {:.1} MiB",
                body / MIB
            );
            at_most(targets, what, ours.memory / body, 1.1, "times");
        }
        _ => {}
    }
}

fn beside_others(targets: &mut Vec<Target>, ours: &Row, other: &Row) {
    let name = other.contestant;
    let is_script = name.starts_with("python") || name.starts_with("node");
    let faster = match is_script {
        true => 10.0,
        false if name.starts_with("default-rust") => 5.0,
        false => return,
    };
    let cold = other.medians.cold / ours.medians.cold;
    at_least(targets, format!("cold: faster than {name}"), cold, faster);
    if is_script {
        let memory = other.medians.memory / ours.medians.memory;
        at_least(targets, format!("memory: less than {name}"), memory, 10.0);
    }
}

fn at_most(targets: &mut Vec<Target>, what: String, reached: f64, most: f64, unit: &str) {
    targets.push(Target {
        what,
        wanted: format!("at most {most} {unit}").trim_end().to_owned(),
        reached: format!("{reached:.2}"),
        met: reached <= most,
    });
}

fn at_least(targets: &mut Vec<Target>, what: String, reached: f64, least: f64) {
    targets.push(Target {
        what,
        wanted: format!("at least {least} times"),
        reached: format!("{reached:.2}"),
        met: reached >= least,
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
        let met = if *met { "met" } else { "missed" };
        let _ = writeln!(list, "- {met}: {what}: {reached} ({wanted})");
    }
    list
}
