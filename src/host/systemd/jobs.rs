//! Jobs: queued, and waited for as long as they can end (spec §8).

use std::fmt;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use zbus::{MatchRule, MessageStream, ObjectPath, OwnedObjectPath, message};

use super::graph::{self, Blocker};
use super::proxy::{JobProxy, ManagerProxy};
use super::{Systemd, errors};
use crate::host::bus::{CALL_LIMIT, CallError, pick_from};
use crate::plan::Verb;

/// How many ends of jobs are kept until they are looked at. The connection stands still while a
/// queue is full, and a machine that boots ends hundreds of jobs.
const QUEUE: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// When it is first looked at why a job has not ended; most have by then.
const FIRST_LOOK: Duration = Duration::from_millis(200);

/// When it is looked at again, at the soonest.
const NEXT_LOOK: Duration = Duration::from_secs(1);

/// How often the person is told that a job is still waited for.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How long a look may take. systemd answers late while it reads its units again; that says
/// nothing of the job.
const LOOK_LIMIT: Duration = Duration::from_secs(3);

/// How many jobs are looked at to find out whether one waits for us.
const MOST_JOBS: usize = 2_000;

const JOB: &str = "org.freedesktop.systemd1.Job";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// How to wait for a job.
pub struct JobWait<'w> {
    /// The longest wait; the run's deadline holds besides.
    pub limit: Duration,
    /// Called about every 10 s of waiting, with the time waited so far.
    pub tell: &'w mut dyn FnMut(Duration),
    /// Asked about every second: whether to stop waiting, because the run was told to end.
    pub stop: &'w dyn Fn() -> bool,
}

/// How a job ended, or that it was no longer waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It was done.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It failed.
    Failed {
        /// What systemd says: `failed`, `timeout`, `canceled`, `dependency`, …
        result: String,
        /// What the unit says, where it does: `result exit-code, status 203`.
        detail: Option<String>,
    },
    /// It is still queued or running, and may end later.
    LeftQueued {
        /// Why it was not waited for any longer.
        reason: String,
    },
}

impl fmt::Display for JobEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Skipped => f.write_str("nothing to do"),
            Self::LeftQueued { reason } => write!(f, "left queued: {reason}"),
            Self::Failed { result, detail } => {
                f.write_str(meaning(result))?;
                detail.as_ref().map_or(Ok(()), |detail| write!(f, " ({detail})"))
            }
        }
    }
}

/// What the results of failed jobs mean.
fn meaning(result: &str) -> &str {
    match result {
        "timeout" => "did not end within the time that the unit gives it",
        "canceled" => "was canceled by another job",
        "dependency" => "a unit that it requires failed",
        "assert" => "an assertion of the unit does not hold",
        "unsupported" => "units of this type are not supported here",
        "collected" => "the unit was forgotten before the job was begun",
        "once" => "the unit may be started only once",
        other => other,
    }
}

/// What is known of a job that has not ended.
enum Outlook {
    /// It can end.
    Good,
    /// It ended, and systemd did not say so to us.
    Gone,
    /// It cannot end while it is waited for, and why.
    Hopeless(String),
}

/// One look at the jobs, with the time it began.
struct Look(Instant);

impl Look {
    /// What is left of it.
    fn left(&self) -> Duration {
        LOOK_LIMIT.saturating_sub(self.0.elapsed())
    }
}

impl Systemd<'_> {
    /// Queues the job `verb` of `unit`, replacing queued jobs that contradict it, and waits for it.
    ///
    /// It is waited for only as long as it can end: not while it waits for the unit in which
    /// this program runs.
    ///
    /// # Errors
    ///
    /// The job cannot be queued: the unit does not exist, is masked, is bad, cannot do that; the bus or
    /// systemd does not answer. A job that fails is no error but [`JobEnd::Failed`].
    pub fn run_job(&self, unit: &str, verb: Verb, wait: &mut JobWait<'_>) -> Result<JobEnd> {
        // Listened to before the job is queued: it may end before its name is answered.
        let (job, mut ends) = self
            .job_ends()
            .and_then(|ends| Ok((self.queue(unit, verb)?, ends)))
            .map_err(|error| errors::explain(error, unit))
            .with_context(|| format!("failed to {verb} {unit}"))?;
        self.follow(&job, unit, verb, wait, &mut ends)
            .with_context(|| format!("failed to wait for the end of {verb} {unit}"))
    }

    /// Restarts networkd, which so reads its files again, and waits for it.
    ///
    /// # Errors
    ///
    /// As with [`Self::run_job`].
    pub fn restart_networkd(&self, wait: &mut JobWait<'_>) -> Result<JobEnd> {
        self.run_job("systemd-networkd.service", Verb::Restart, wait)
    }

    /// The ends of jobs, from now on.
    fn job_ends(&self) -> Result<MessageStream, CallError> {
        self.bus.call(CALL_LIMIT, async |connection| {
            // Every time: whether a subscription outlived a restart of systemd or of the bus is
            // not ours to know, and having one already is fine.
            match ManagerProxy::new(&connection).await?.subscribe().await {
                Ok(()) => {}
                Err(zbus::Error::MethodError(name, ..))
                    if name.as_str() == "org.freedesktop.systemd1.AlreadySubscribed" => {}
                Err(error) => return Err(error),
            }
            let rule = MatchRule::builder()
                .msg_type(message::Type::Signal)
                .sender("org.freedesktop.systemd1")
                .path("/org/freedesktop/systemd1")
                .interface("org.freedesktop.systemd1.Manager")
                .member("JobRemoved")
                .build()?;
            MessageStream::for_match_rule(rule, &connection, Some(QUEUE)).await
        })
    }

    fn queue(&self, unit: &str, verb: Verb) -> Result<OwnedObjectPath, CallError> {
        self.bus.call(CALL_LIMIT, async |connection| {
            let manager = ManagerProxy::new(&connection).await?;
            match verb {
                Verb::Start => manager.start_unit(unit, "replace").await,
                Verb::Stop => manager.stop_unit(unit, "replace").await,
                Verb::Restart => manager.restart_unit(unit, "replace").await,
                Verb::Reload => manager.reload_unit(unit, "replace").await,
                Verb::TryRestart => manager.try_restart_unit(unit, "replace").await,
                Verb::ReloadOrRestart => manager.reload_or_restart_unit(unit, "replace").await,
                Verb::ReloadOrTryRestart => manager.reload_or_try_restart_unit(unit, "replace").await,
            }
        })
    }

    fn follow(
        &self,
        job: &OwnedObjectPath,
        unit: &str,
        verb: Verb,
        wait: &mut JobWait<'_>,
        ends: &mut MessageStream,
    ) -> Result<JobEnd> {
        let begun = Instant::now();
        let limit = self.bus.deadline().clip(wait.limit);
        let end = begun + limit;
        let mut look_at = begun + FIRST_LOOK;
        let mut tell_at = begun + TELL_EVERY;
        loop {
            if let Some(result) = next_end(ends, job, end.min(look_at).min(tell_at))? {
                return Ok(self.ended(unit, result));
            }
            let now = Instant::now();
            if now >= look_at {
                match self.outlook(job, &Look(now)) {
                    Ok(Outlook::Good) | Err(CallError::TimedOut(_) | CallError::OutOfTime) => {}
                    Err(error) => return Err(error.into()),
                    Ok(Outlook::Gone) => {
                        // What systemd said before it answered that is in the queue by now.
                        let result = next_end(ends, job, now)?;
                        return Ok(match result {
                            Some(result) => self.ended(unit, result),
                            None => self.guess(unit, verb),
                        });
                    }
                    Ok(Outlook::Hopeless(reason)) => return Ok(JobEnd::LeftQueued { reason }),
                }
                // A look costs a call for each job on the way: never more than a tenth of the time.
                look_at = now + NEXT_LOOK.max(now.elapsed() * 10);
            }
            if (wait.stop)() {
                return Ok(left("this program was told to end"));
            }
            if now >= end {
                return Ok(if limit < wait.limit {
                    left("no time is left for this run")
                } else {
                    left(&format!("it has not ended within {} s", limit.as_secs()))
                });
            }
            if now >= tell_at {
                (wait.tell)(begun.elapsed());
                tell_at += TELL_EVERY;
            }
        }
    }

    fn outlook(&self, job: &OwnedObjectPath, look: &Look) -> Result<Outlook, CallError> {
        let path = match self.property::<(String, OwnedObjectPath)>(look.left(), job, JOB, "Unit") {
            Ok((_, path)) => path,
            Err(error) if error.is_unknown_object() => return Ok(Outlook::Gone),
            Err(error) => return Err(error),
        };
        let Some(own) = self.own_unit(look)? else {
            return Ok(Outlook::Good);
        };
        if path == own {
            return Ok(Outlook::Hopeless("it is a job of the very unit in which this program runs".into()));
        }
        if self.property::<String>(look.left(), job, JOB, "State")? == "running" {
            return Ok(Outlook::Good); // it waits for no other job
        }
        let way = graph::way_to(job.as_str(), own.as_str(), MOST_JOBS, |job| self.blockers(job, look))?;
        Ok(way.map_or(Outlook::Good, |units| {
            Outlook::Hopeless(format!("it waits for {}, in which this program runs", units.join(", which waits for ")))
        }))
    }

    /// The unit in which this program runs, if it is one of systemd's.
    fn own_unit(&self, look: &Look) -> Result<Option<OwnedObjectPath>, CallError> {
        // 0 is whoever asks.
        let answer = self
            .bus
            .call(look.left(), async |connection| ManagerProxy::new(&connection).await?.get_unit_by_pid(0).await);
        match answer {
            Ok(path) => Ok(Some(path)),
            Err(CallError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The jobs that have to finish before `job` is begun.
    fn blockers(&self, job: &str, look: &Look) -> Result<Vec<Blocker>, CallError> {
        let answer = self.bus.call(look.left(), async |connection| {
            JobProxy::new(&connection, ObjectPath::try_from(job)?).await?.get_before().await
        });
        match answer {
            Ok(jobs) => Ok(jobs
                .into_iter()
                .map(|(_, unit, _, state, job, unit_path)| Blocker {
                    job: job.to_string(),
                    unit,
                    unit_path: unit_path.to_string(),
                    waiting: state == "waiting",
                })
                .collect()),
            // It has ended meanwhile, or systemd cannot say: then the limits have to do.
            Err(CallError::Refused { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn ended(&self, unit: &str, result: String) -> JobEnd {
        match result.as_str() {
            "done" => JobEnd::Done,
            "skipped" => JobEnd::Skipped,
            "failed" | "timeout" => JobEnd::Failed { detail: self.detail(unit), result },
            _ => JobEnd::Failed { detail: None, result },
        }
    }

    /// What the unit itself says of its failure.
    fn detail(&self, unit: &str) -> Option<String> {
        let path = self.loaded(unit).ok()??;
        let result: String = self.property(CALL_LIMIT, &path, &interface_of(unit)?, "Result").ok()?;
        if result == "success" {
            // A reload that fails leaves the unit as it was.
            let result: String = self.property(CALL_LIMIT, &path, SERVICE, "ReloadResult").ok()?;
            return (result != "success").then(|| format!("result {result}"));
        }
        let status: Option<i32> = match result.as_str() {
            "exit-code" | "signal" | "core-dump" => self.property(CALL_LIMIT, &path, SERVICE, "ExecMainStatus").ok(),
            _ => None,
        };
        Some(match status {
            // Another process than the main one has failed: `ExecStartPre=` and its kin.
            Some(0) | None => format!("result {result}"),
            Some(status) => format!("result {result}, status {status}"),
        })
    }

    /// How a job ended that ended unheard, by what it left.
    fn guess(&self, unit: &str, verb: Verb) -> JobEnd {
        let state = self
            .loaded(unit)
            .ok()
            .flatten()
            .and_then(|path| self.property::<String>(CALL_LIMIT, &path, UNIT, "ActiveState").ok());
        if verb != Verb::Stop && state.as_deref() == Some("failed") {
            self.ended(unit, "failed".to_owned())
        } else {
            JobEnd::Done
        }
    }
}

/// The result of `job`, if it has ended by `until`.
fn next_end(ends: &mut MessageStream, job: &OwnedObjectPath, until: Instant) -> Result<Option<String>, CallError> {
    pick_from(ends, until, |message| {
        let body = message.body();
        let (_, path, _, result) = body.deserialize::<(u32, ObjectPath<'_>, &str, &str)>().ok()?;
        (path.as_str() == job.as_str()).then(|| result.to_owned())
    })
}

fn left(reason: &str) -> JobEnd {
    JobEnd::LeftQueued { reason: reason.to_owned() }
}

/// The D-Bus interface of the type of `unit`: `…Service` for a service.
fn interface_of(unit: &str) -> Option<String> {
    let (_, suffix) = unit.rsplit_once('.')?;
    let mut letters = suffix.chars();
    let first = letters.next()?.to_ascii_uppercase();
    Some(format!("org.freedesktop.systemd1.{first}{}", letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_is_named_by_the_suffix() {
        assert_eq!(interface_of("a.b.service").as_deref(), Some(SERVICE));
        assert_eq!(interface_of("nothing"), None);
    }

    #[test]
    fn an_end_is_a_sentence() {
        let failed = |result: &str, detail: Option<&str>| {
            JobEnd::Failed { result: result.into(), detail: detail.map(Into::into) }.to_string()
        };
        assert_eq!(failed("failed", Some("result exit-code, status 203")), "failed (result exit-code, status 203)");
        assert_eq!(failed("canceled", None), "was canceled by another job");
        assert_eq!(left("it takes long").to_string(), "left queued: it takes long");
    }
}
