//! What callgrind writes, as far as it tells of instructions and allocations.

use std::ops::{Div, Sub};

/// The doors of the allocator: those of the C library, which Valgrind's own tools count when they say "allocs", and those of the one
/// that a static build brings, as far as they are not laid into their callers.
const DOORS: [&str; 10] = [
    "malloc",
    "calloc",
    "realloc",
    "aligned_alloc",
    "memalign",
    "posix_memalign",
    "__rustc::__rust_alloc_zeroed",
    "__rustc::__rust_realloc",
    "dlmalloc::Dlmalloc<A>::malloc",
    "dlmalloc::dlmalloc::Dlmalloc<A>::malloc",
];

/// What a process, or a part of its work, has cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub instructions: u64,
    pub allocations: u64,
}

impl Cost {
    /// Reads a profile that was written with `--compress-strings=no`; none if it is cut off.
    pub fn read(profile: &str) -> Option<Self> {
        let (mut caller, mut called) = ("", "");
        let (mut instructions, mut allocations) = (None, 0);
        for line in profile.lines() {
            let Some((key, value)) = line.split_once(['=', ':']) else {
                continue;
            };
            match key {
                "fn" => caller = value,
                "cfn" => called = value,
                // One door behind another is the same allocation.
                "calls" if DOORS.contains(&called) && !DOORS.contains(&caller) => {
                    allocations += value.split(' ').next()?.parse::<u64>().ok()?;
                }
                "totals" => instructions = value.trim().parse().ok(),
                _ => {}
            }
        }
        Some(Self {
            instructions: instructions?,
            allocations,
        })
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, less: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_sub(less.instructions),
            allocations: self.allocations.saturating_sub(less.allocations),
        }
    }
}

impl Div<u64> for Cost {
    type Output = Self;

    fn div(self, by: u64) -> Self {
        Self {
            instructions: self.instructions / by,
            allocations: self.allocations / by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_is_counted_once_whatever_doors_it_goes_through() {
        let profile = "events: Ir\nfn=main\n0 5\ncfn=calloc\ncalls=3 0\n0 40\ncfn=free\ncalls=9 0\n0 1\nfn=calloc\ncfn=malloc\ncalls=3 0\n0 30\n\ntotals: 812\n";
        let cost = Cost {
            instructions: 812,
            allocations: 3,
        };
        assert_eq!(Cost::read(profile), Some(cost));
    }

    #[test]
    fn a_profile_that_is_cut_off_is_none() {
        assert_eq!(Cost::read("events: Ir\nfn=main\n0 5\n"), None);
    }
}
