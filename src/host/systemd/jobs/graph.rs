//! Searches the graph of jobs for a job of this program's own unit that another job waits for. The search does not
//! depend on the source of the jobs.

use std::collections::{HashMap, VecDeque};

/// A job that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocker {
    /// The name of the job.
    pub job: String,
    /// The name of the unit of the job.
    pub unit: String,
    /// True if the unit cannot end while this program waits: it is this program's own unit, or another run of the
    /// program.
    pub ours: bool,
    /// True if the job is queued. A running job waits for no other job.
    pub waiting: bool,
}

/// Returns the units on the path from `job` to a job of our own unit, which is the last one; `None` if `job` does not
/// wait for such a job, neither directly nor through other jobs.
///
/// `blockers` lists the jobs that have to finish before the given job begins. It is called once per job, for the
/// nearest jobs first, and at most `most` times: jobs farther away are not found.
///
/// # Errors
///
/// The first error of `blockers`.
pub(super) fn path_to<E>(
    job: &str,
    most: usize,
    mut blockers: impl FnMut(&str) -> Result<Vec<Blocker>, E>,
) -> Result<Option<Vec<String>>, E> {
    // The jobs found so far, each with its unit and the job that waits for it.
    let mut seen: HashMap<String, (String, String)> = HashMap::new();
    let mut queue = VecDeque::from([job.to_owned()]);
    for _ in 0..most {
        let Some(waiter) = queue.pop_front() else {
            break;
        };
        for blocker in blockers(&waiter)? {
            if blocker.job == job || seen.contains_key(&blocker.job) {
                continue;
            }
            seen.insert(blocker.job.clone(), (blocker.unit, waiter.clone()));
            if blocker.ours {
                return Ok(Some(path_back(&blocker.job, &seen)));
            }
            if blocker.waiting {
                queue.push_back(blocker.job);
            }
        }
    }
    Ok(None)
}

fn path_back(job: &str, seen: &HashMap<String, (String, String)>) -> Vec<String> {
    let mut units = Vec::new();
    let mut job = job;
    while let Some((unit, waiter)) = seen.get(job) {
        units.push(unit.clone());
        job = waiter;
    }
    units.reverse();
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In these tests, a job has the name of its unit. A name that begins with `r` is a running job.
    fn search(edges: &[(&str, &str)], most: usize) -> Option<Vec<String>> {
        let mut asked = Vec::new();
        let found = path_to("job", most, |job| {
            assert!(!asked.contains(&job.to_owned()), "{job} is asked twice");
            asked.push(job.to_owned());
            Ok::<_, ()>(
                edges
                    .iter()
                    .filter(|(from, _)| *from == job)
                    .map(|(_, to)| Blocker {
                        job: (*to).to_owned(),
                        unit: (*to).to_owned(),
                        ours: *to == "own",
                        waiting: !to.starts_with('r'),
                    })
                    .collect(),
            )
        });
        found.unwrap_or_default()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_job_without_blockers_waits_for_no_other() {
        assert_eq!(search(&[], 10), None);
    }

    #[test]
    fn the_unit_is_found_directly() {
        assert_eq!(search(&[("job", "a"), ("job", "own")], 10), Some(names(&["own"])));
    }

    #[test]
    fn the_shortest_way_is_returned() {
        let edges = [("job", "a"), ("a", "b"), ("b", "own"), ("job", "c"), ("c", "own")];
        assert_eq!(search(&edges, 10), Some(names(&["c", "own"])));
    }

    #[test]
    fn circles_end() {
        assert_eq!(search(&[("job", "a"), ("a", "b"), ("b", "a"), ("b", "job")], 100), None);
    }

    #[test]
    fn a_running_job_waits_for_no_other() {
        assert_eq!(search(&[("job", "r"), ("r", "own")], 10), None);
    }

    #[test]
    fn the_search_is_bounded() {
        assert_eq!(search(&[("job", "a"), ("a", "b"), ("b", "own")], 2), None);
    }

    #[test]
    fn an_error_ends_the_search() {
        assert_eq!(path_to("job", 10, |_| Err("gone")), Err("gone"));
    }
}
