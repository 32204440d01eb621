//! What a process showed, and the medians of many.

use serde::Serialize;

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
    /// Of all processes together; none of less than 100 events.
    pub warm_p99: Option<f64>,
    /// How long each warm answer took.
    #[serde(skip)]
    pub warm: Vec<f64>,
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

/// The medians of many processes, figure by figure, and the 99th percentile of all their warm answers together.
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
    let mut warm: Vec<_> = of.iter().flat_map(|one| &one.warm).copied().collect();
    warm.sort_by(f64::total_cmp);
    let certain = |figure| median(figure).unwrap_or_default();
    Figures {
        start: certain(|one| Some(one.start)),
        first: certain(|one| Some(one.first)),
        cold: certain(|one| Some(one.cold)),
        warm_p50: median(|one| one.warm_p50),
        warm_p99: (warm.len() >= 100).then(|| percentile(&warm, 99)),
        warm,
        warm_cpu: median(|one| one.warm_cpu),
        rate: median(|one| one.rate),
        memory: certain(|one| Some(one.memory)),
        connections: certain(|one| Some(one.connections)),
        tokens: certain(|one| Some(one.tokens)),
        requests: certain(|one| Some(one.requests)),
    }
}

/// The least time that so many per cent of the times, which are in order and at least one, do not exceed.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
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
    fn the_tail_is_that_of_all_processes_and_none_of_few_events() {
        let figures = |count| Figures {
            warm: (0..count).map(f64::from).collect(),
            ..Figures::default()
        };
        assert_eq!(medians(&[figures(50), figures(49)]).warm_p99, None);
        assert_eq!(medians(&[figures(50), figures(50)]).warm_p99, Some(49.0));
    }
}
