//! Decides whether a job can end while this program waits for it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use zbus::{ObjectPath, OwnedObjectPath};

use super::graph::{self, Blocker};
use crate::host::bus::CallError;
use crate::host::systemd::Systemd;
use crate::host::systemd::proxy::{JobProxy, ManagerProxy};

/// The time limit of an inspection. systemd replies late during a daemon-reload, which does not affect the job.
const LOOK_LIMIT: Duration = Duration::from_secs(3);

/// The largest number of jobs that are inspected to find a deadlock.
const MOST_JOBS: usize = 2_000;

const JOB: &str = "org.freedesktop.systemd1.Job";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// The state of a job that has not ended.
pub(super) enum JobState {
    /// The job can end.
    CanEnd,
    /// The job has ended, and its signal was missed.
    Gone,
    /// The job cannot end while this program waits for it, for this reason.
    Deadlocked(String),
}

/// The unit in which this program runs.
struct OwnUnit {
    path: OwnedObjectPath,
    /// True if the unit has a job, such as the start of a `Type=oneshot` service. Another unit may then wait for this
    /// program to end.
    awaited: bool,
}

/// One inspection of the jobs, with the time at which it began.
pub(super) struct Inspection(Instant);

impl Inspection {
    /// Creates an inspection that began at `instant`.
    pub(super) fn begun(instant: Instant) -> Self {
        Self(instant)
    }

    /// Returns the remaining time.
    fn remaining(&self) -> Duration {
        LOOK_LIMIT.saturating_sub(self.0.elapsed())
    }
}

impl Systemd<'_> {
    /// Inspects `job` and the jobs that it waits for.
    pub(super) fn job_state(&self, job: &OwnedObjectPath, look: &Inspection) -> Result<JobState, CallError> {
        let path = match self.property::<(String, OwnedObjectPath)>(look.remaining(), job, JOB, "Unit") {
            Ok((_, path)) => path,
            Err(error) if error.is_unknown_object() => return Ok(JobState::Gone),
            Err(error) => return Err(error),
        };
        let Some(own) = self.own_unit(look)? else {
            return Ok(JobState::CanEnd);
        };
        if path == own.path {
            let reason = "it is a job of the unit that runs this program";
            return Ok(JobState::Deadlocked(reason.to_owned()));
        }
        match self.property::<String>(look.remaining(), job, JOB, "State") {
            Ok(state) if state == "running" => return Ok(JobState::CanEnd), // it waits for no other job
            Ok(_) => {}
            Err(error) if error.is_unknown_object() => return Ok(JobState::Gone), // it ended since the first question
            Err(error) => return Err(error),
        }
        let way = graph::path_to(job.as_str(), MOST_JOBS, |job| self.blockers(job, &own, look))?;
        Ok(way.map_or(JobState::CanEnd, |units| {
            JobState::Deadlocked(format!("it waits for {}, which runs this program", units.join(", which waits for ")))
        }))
    }

    /// Returns the systemd unit in which this program runs, if there is one.
    fn own_unit(&self, look: &Inspection) -> Result<Option<OwnUnit>, CallError> {
        // The process ID 0 stands for the caller.
        let path = self
            .bus
            .call(look.remaining(), async |connection| ManagerProxy::new(&connection).await?.get_unit_by_pid(0).await);
        let own = path.and_then(|path| {
            let (job, _) = self.property::<(u32, OwnedObjectPath)>(look.remaining(), &path, UNIT, "Job")?;
            Ok(OwnUnit { path, awaited: job != 0 })
        });
        match own {
            Ok(own) => Ok(Some(own)),
            Err(CallError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the jobs that have to finish before `job` begins.
    fn blockers(&self, job: &str, own: &OwnUnit, look: &Inspection) -> Result<Vec<Blocker>, CallError> {
        let answer = self.bus.call(look.remaining(), async |connection| {
            JobProxy::new(&connection, ObjectPath::try_from(job)?).await?.get_before().await
        });
        let jobs = match answer {
            Ok(jobs) => jobs,
            // The job has ended, or systemd does not report its blockers; then only the time limit ends the wait.
            Err(CallError::Refused { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut blockers = Vec::with_capacity(jobs.len());
        for (_, unit, _, state, job, path) in jobs {
            let waiting = state == "waiting";
            let ours = path == own.path || (own.awaited && !waiting && self.runs_this_program(&path, look)?);
            blockers.push(Blocker { job: job.to_string(), unit, ours, waiting });
        }
        Ok(blockers)
    }

    /// Returns true if the service at `path` is another run of this program. That run may wait for the lock of this
    /// one: the cloud-config of an OEM image starts a service that runs the program again.
    fn runs_this_program(&self, path: &OwnedObjectPath, look: &Inspection) -> Result<bool, CallError> {
        match self.property::<u32>(look.remaining(), path, SERVICE, "MainPID") {
            Ok(0) | Err(CallError::Refused { .. }) => Ok(false), // not a service, or not running
            Ok(pid) => Ok(program(&pid.to_string()).is_some_and(|id| program("self") == Some(id))),
            Err(error) => Err(error),
        }
    }
}

/// Returns the device and inode of the program of a process.
fn program(pid: &str) -> Option<(u64, u64)> {
    let file = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some((file.dev(), file.ino()))
}
