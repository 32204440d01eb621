//! One process, from its start to its last warm answer, and the medians of many.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::contestants::Contestant;
use crate::job::Job;
use crate::process::Process;
use crate::quota::Quota;
use crate::runtime_api::{Done, RuntimeApi, Session};
use crate::upstream::Upstream;

/// How long a process may take until it first asks.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take for all the events that it is given together.
const LIMIT: Duration = Duration::from_secs(600);
/// After so long a process under a share gets no further warm events.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a process is measured with.
pub struct Bench {
    pub runtime_api: RuntimeApi,
    pub upstream: Upstream,
    /// Where the services are reached, and that their authority can be trusted.
    pub variables: Vec<(String, OsString)>,
    /// Where processes leave what they print.
    pub scratch: PathBuf,
}

/// Who is measured.
#[derive(Clone, Debug)]
pub struct Entry {
    pub contestant: Contestant,
    /// Whether it is this workspace's: it streams to function URLs, and takes many events at once where told.
    pub ours: bool,
}

/// How a process is measured.
#[derive(Clone, Copy)]
pub struct Course<'a> {
    pub job: Job,
    /// Warm events; fewer from those who take seconds under a share.
    pub warm: usize,
    /// The share that it is held to from its first event on.
    pub quota: Option<&'a Quota>,
    /// Events at once; 1 as in most functions.
    pub concurrency: usize,
}

/// What one process showed. Times are in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// From the start to the first request for an event.
    pub start: f64,
    /// The first answer; of events at once, the last of the first ones.
    pub first: f64,
    /// Both.
    pub cold: f64,
    pub warm_p50: Option<f64>,
    pub warm_p99: Option<f64>,
    /// CPU time of a warm event, user and kernel mode.
    pub warm_cpu: Option<f64>,
    /// Warm answers a second.
    pub rate: Option<f64>,
    /// The most resident memory, in bytes.
    pub memory: f64,
    pub connections: f64,
    pub tokens: f64,
    pub requests: f64,
}

impl Bench {
    /// Runs one process. An error says what it did instead of answering.
    pub fn run(&self, entry: &Entry, course: Course<'_>) -> Result<Figures, String> {
        self.start(entry, course, false).map(|(figures, _)| figures)
    }

    /// The first answer of a process.
    pub fn first_answer(&self, entry: &Entry, job: Job) -> Result<Vec<u8>, String> {
        let course = Course {
            job,
            warm: 0,
            quota: None,
            concurrency: 1,
        };
        self.start(entry, course, true).map(|(_, answer)| answer)
    }

    fn start(
        &self,
        entry: &Entry,
        course: Course<'_>,
        keeps_bodies: bool,
    ) -> Result<(Figures, Vec<u8>), String> {
        let session = self.runtime_api.begin(keeps_bodies);
        self.upstream.asked();
        let log = self.scratch.join(format!("{}.log", entry.contestant.name));
        let Contestant { program, args, .. } = &entry.contestant;
        let process = Process::start(program, args, &self.environment(entry, course), log);
        let mut process = process.map_err(|error| error.to_string())?;
        let followed = self.follow(entry, course, &session, &mut process);
        followed.map_err(|what| match process.last_words() {
            said if said.is_empty() => what,
            said => format!("{what}; it printed:\n{said}"),
        })
    }

    fn follow(
        &self,
        entry: &Entry,
        course: Course<'_>,
        session: &Session,
        process: &mut Process,
    ) -> Result<(Figures, Vec<u8>), String> {
        let Course { job, warm, .. } = course;
        let event = |number| match entry.ours && job == Job::HuntStreamed {
            true => job.event_of_function_url(number),
            false => job.event(number),
        };
        let unread = |error: io::Error| format!("it could not be measured: {error}");
        let answers = |session: &Session, process: &mut Process, count: usize| {
            session.hand_out((0..count).map(event));
            let (_, done) = session.wait(LIMIT, || process.ended())?;
            whole(done, count)
        };
        let (asked, _) = session.wait(START_LIMIT, || process.ended())?;
        if let Some(quota) = course.quota {
            quota.hold(process.id()).map_err(unread)?;
        }
        let mut done = answers(session, process, course.concurrency)?;
        done.sort_by_key(|done| done.took);
        let last = done.pop().ok_or("it answered nothing")?;
        let (start, first) = (millis(asked - process.since), millis(last.took));
        let mut figures = Figures {
            start,
            first,
            cold: start + first,
            ..Figures::default()
        };
        if warm > 0 {
            if job.warm_up() > 0 {
                answers(session, process, job.warm_up())?;
            }
            let (begun, cpu) = (Instant::now(), process.cpu().map_err(unread)?);
            // Who is held back gives fewer answers in the same time.
            let batch = course.quota.map_or(warm, |_| warm.div_ceil(20));
            let mut took: Vec<f64> = Vec::with_capacity(warm);
            while took.len() < warm && (took.is_empty() || begun.elapsed() < PATIENCE) {
                let done = answers(session, process, batch)?;
                took.extend(done.iter().map(|done| millis(done.took)));
            }
            let cpu = process.cpu().map_err(unread)? - cpu;
            figures.rate = Some(took.len() as f64 / begun.elapsed().as_secs_f64());
            figures.warm_cpu = Some(millis(cpu) / took.len() as f64);
            took.sort_by(f64::total_cmp);
            figures.warm_p50 = Some(percentile(&took, 50));
            figures.warm_p99 = Some(percentile(&took, 99));
        }
        figures.memory = process.peak_memory().map_err(unread)? as f64;
        let asked = self.upstream.asked();
        figures.connections = asked.connections as f64;
        figures.tokens = asked.tokens as f64;
        figures.requests = asked.requests as f64;
        Ok((figures, last.body))
    }

    fn environment(&self, entry: &Entry, course: Course<'_>) -> Vec<(String, OsString)> {
        let handler = course.job.handler();
        let directory = entry.contestant.program.parent();
        let mut variables: Vec<(String, OsString)> = vec![
            ("_HANDLER".to_owned(), handler.into()),
            ("AWS_LAMBDA_FUNCTION_NAME".to_owned(), handler.into()),
            (
                "LAMBDA_TASK_ROOT".to_owned(),
                directory.map(Into::into).unwrap_or_default(),
            ),
        ];
        variables.extend(self.variables.iter().cloned());
        if course.concurrency > 1 {
            let most = course.concurrency.to_string();
            variables.push(("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), most.into()));
        }
        let kind = match course.concurrency {
            1 => "on-demand",
            _ => "lambda-managed-instances",
        };
        variables.push(("AWS_LAMBDA_INITIALIZATION_TYPE".to_owned(), kind.into()));
        let of_job = course.job.environment().into_iter();
        variables.extend(of_job.map(|(name, value)| (name.to_owned(), value.into())));
        variables.extend(entry.contestant.env.iter().cloned());
        variables
    }
}

/// The medians of many processes, figure by figure.
pub fn medians(of: &[Figures]) -> Figures {
    let median = |figure: fn(&Figures) -> Option<f64>| {
        let mut all: Vec<_> = of.iter().filter_map(figure).collect();
        all.sort_by(f64::total_cmp);
        let middle = all.len() / 2;
        match all.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(all[middle]),
            _ => Some((all[middle - 1] + all[middle]) / 2.0),
        }
    };
    let certain = |figure| median(figure).unwrap_or_default();
    Figures {
        start: certain(|one| Some(one.start)),
        first: certain(|one| Some(one.first)),
        cold: certain(|one| Some(one.cold)),
        warm_p50: median(|one| one.warm_p50),
        warm_p99: median(|one| one.warm_p99),
        warm_cpu: median(|one| one.warm_cpu),
        rate: median(|one| one.rate),
        memory: certain(|one| Some(one.memory)),
        connections: certain(|one| Some(one.connections)),
        tokens: certain(|one| Some(one.tokens)),
        requests: certain(|one| Some(one.requests)),
    }
}

/// All answers, or the first error among them.
fn whole(done: Vec<Done>, expected: usize) -> Result<Vec<Done>, String> {
    if let Some(error) = done.iter().find_map(|done| done.error.as_ref()) {
        return Err(format!("an error instead of an answer: {error}"));
    }
    match done.len() == expected {
        true => Ok(done),
        false => Err(format!("{} answers to {expected} events", done.len())),
    }
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_least_that_so_many_do_not_exceed() {
        let times: Vec<_> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&times, 50), 100.0);
        assert_eq!(percentile(&times, 99), 198.0);
        assert_eq!(percentile(&[7.0], 99), 7.0);
    }

    #[test]
    fn a_median_leaves_out_those_that_have_no_figure() {
        let figures = [Some(3.0), None, Some(1.0)].map(|warm_p50| Figures {
            start: 2.0,
            warm_p50,
            ..Figures::default()
        });
        let medians = medians(&figures);
        assert_eq!(
            (medians.start, medians.warm_p50, medians.rate),
            (2.0, Some(2.0), None)
        );
    }

    #[test]
    fn an_error_is_no_answer() {
        let done = Done {
            took: Duration::ZERO,
            body: Vec::new(),
            error: Some("Throttled".to_owned()),
        };
        let told = whole(vec![done], 1).unwrap_err();
        assert!(told.contains("Throttled"), "{told}");
    }
}
