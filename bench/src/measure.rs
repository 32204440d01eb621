//! One process, from its start to its last warm answer.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::contestants::Contestant;
use crate::failure::Failure;
use crate::figures::{Figures, percentile};
use crate::job::Job;
use crate::process::Process;
use crate::quota::Quota;
use crate::runtime_api::{Done, RuntimeApi, Session};
use crate::surroundings::Roots;
use crate::upstream::Upstream;

/// How long a process may take until it first asks.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take for the first answer.
const FIRST_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take for all the warm events that it is given together.
const LIMIT: Duration = Duration::from_secs(600);
/// After so long a process under a share gets no further warm events.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a process is measured with.
pub struct Bench {
    pub runtime_api: RuntimeApi,
    pub upstream: Upstream,
    /// Where the services are reached.
    pub variables: Vec<(String, OsString)>,
    pub roots: Roots,
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
    /// The bytes that each answer must have: those of one that was found right.
    pub length: Option<usize>,
}

impl Bench {
    /// Runs one process. An error says what it did instead of answering.
    pub fn run(&self, entry: &Entry, course: Course<'_>) -> Result<Figures, Failure> {
        self.start(entry, course, false).map(|(figures, _)| figures)
    }

    /// The first answer of a process, which has given a second of the same length.
    pub fn first_answer(&self, entry: &Entry, job: Job) -> Result<Vec<u8>, Failure> {
        let course = Course {
            job,
            warm: 1,
            quota: None,
            concurrency: 1,
            length: None,
        };
        self.start(entry, course, true).map(|(_, answer)| answer)
    }

    fn start(
        &self,
        entry: &Entry,
        course: Course<'_>,
        keeps_bodies: bool,
    ) -> Result<(Figures, Vec<u8>), Failure> {
        let session = self.runtime_api.begin(keeps_bodies);
        self.upstream.asked();
        let log = self.scratch.join(format!("{}.log", entry.contestant.name));
        let Contestant { program, args, .. } = &entry.contestant;
        let process = Process::start(program, args, &self.environment(entry, course), log);
        let mut process =
            process.map_err(|error| Failure::new("it could not be started", error))?;
        let followed = self.follow(entry, course, &session, &mut process);
        followed.map_err(|mut failure| {
            let said = process.last_words();
            if !said.is_empty() {
                failure.details += &format!("; it printed:\n{said}");
            }
            failure
        })
    }

    fn follow(
        &self,
        entry: &Entry,
        course: Course<'_>,
        session: &Session,
        process: &mut Process,
    ) -> Result<(Figures, Vec<u8>), Failure> {
        let Course { job, warm, .. } = course;
        let event = |number| match entry.ours && job == Job::HuntStreamed {
            true => job.event_of_function_url(number),
            false => job.event(number),
        };
        let unread = |error: io::Error| Failure::new("it could not be measured", error);
        let mut handed_out = 0;
        let mut length = course.length;
        let mut answers = |process: &mut Process, count: usize, limit: Duration| {
            session.hand_out((handed_out..handed_out + count).map(event));
            handed_out += count;
            let (_, done) = session.wait(limit, || process.ended())?;
            let done = whole(done, count, length)?;
            length = done.first().map(|done| done.length);
            Ok::<_, Failure>(done)
        };
        let (asked, _) = session.wait(START_LIMIT, || process.ended())?;
        if let Some(quota) = course.quota {
            quota.hold(process.id()).map_err(unread)?;
        }
        let mut done = answers(process, course.concurrency, FIRST_LIMIT)?;
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
                answers(process, job.warm_up(), LIMIT)?;
            }
            let (begun, cpu) = (Instant::now(), process.cpu().map_err(unread)?);
            // Who is held back gives fewer answers in the same time.
            let batch = course.quota.map_or(warm, |_| warm.div_ceil(20));
            let mut took: Vec<f64> = Vec::with_capacity(warm);
            while took.len() < warm && (took.is_empty() || begun.elapsed() < PATIENCE) {
                let done = answers(process, batch, LIMIT)?;
                took.extend(done.iter().map(|done| millis(done.took)));
            }
            let cpu = process.cpu().map_err(unread)? - cpu;
            figures.rate = Some(took.len() as f64 / begun.elapsed().as_secs_f64());
            figures.warm_cpu = Some(millis(cpu) / took.len() as f64);
            took.sort_by(f64::total_cmp);
            figures.warm_p50 = Some(percentile(&took, 50));
            figures.warm = took;
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
        variables.extend(self.roots.variables(&entry.contestant));
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

/// All answers, if they are as many and as long as they must be; else what is wrong with the first that is not.
fn whole(done: Vec<Done>, expected: usize, length: Option<usize>) -> Result<Vec<Done>, Failure> {
    if let Some(error) = done.iter().find_map(|done| done.error.as_ref()) {
        return Err(Failure::new("it reported an error", error));
    }
    if let Some(length) = length
        && let Some(other) = done.iter().find(|done| done.length != length)
    {
        let got = other.length;
        return Err(format!("an answer of {got} bytes instead of {length}").into());
    }
    match done.len() == expected {
        true => Ok(done),
        false => Err(format!("{} answers to {expected} events", done.len()).into()),
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_no_answer() {
        let done = Done {
            error: Some("Throttled".to_owned()),
            ..Done::default()
        };
        let told = whole(vec![done], 1, None).unwrap_err();
        assert_eq!(told.details, "Throttled");
    }

    #[test]
    fn an_answer_that_is_shorter_than_the_right_one_is_no_answer() {
        let done = |length| Done {
            length,
            ..Done::default()
        };
        assert!(whole(vec![done(7), done(7)], 2, Some(7)).is_ok());
        let told = whole(vec![done(7), done(6)], 2, Some(7)).unwrap_err();
        assert_eq!(told.what, "an answer of 6 bytes instead of 7");
    }
}
