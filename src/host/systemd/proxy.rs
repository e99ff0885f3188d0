//! The D-Bus methods of systemd and hostnamed that this program calls.

use zbus::{OwnedObjectPath, Variant, proxy};

/// A change to a link: the kind of change, the link, the target of the link.
pub(super) type LinkChange = (String, String, String);

/// An entry of `GetBefore`: job ID, unit, job type, state, path of the job, path of the unit.
type JobEntry = (u32, String, String, String, OwnedObjectPath, OwnedObjectPath);

/// An entry of `ListUnitsByPatterns`: name, description, load state, active state, sub state, followed unit, path, job
/// ID, job type, path of the job.
type UnitEntry = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// An entry of `ExecStart`: program, arguments, whether a failure is ignored.
pub(super) type Exec<'a> = (&'a str, &'a [String], bool);

#[proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
pub(super) trait Manager {
    fn enable_unit_files(&self, files: &[&str], runtime: bool, force: bool) -> zbus::Result<(bool, Vec<LinkChange>)>;
    fn get_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    #[zbus(name = "GetUnitByPID")]
    fn get_unit_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;
    fn get_unit_file_state(&self, name: &str) -> zbus::Result<String>;
    fn list_units_by_patterns(&self, states: &[&str], patterns: &[&str]) -> zbus::Result<Vec<UnitEntry>>;
    fn reload(&self) -> zbus::Result<()>;
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &[(&str, Variant<'_>)],
        others: &[(&str, &[(&str, Variant<'_>)])],
    ) -> zbus::Result<OwnedObjectPath>;
    fn subscribe(&self) -> zbus::Result<()>;

    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reload_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn try_restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reload_or_restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reload_or_try_restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
}

#[proxy(interface = "org.freedesktop.systemd1.Job", default_service = "org.freedesktop.systemd1")]
pub(super) trait Job {
    /// Returns the jobs that have to finish before this one begins (systemd 236). `GetAfter` returns the opposite: the
    /// jobs that wait for this one.
    fn get_before(&self) -> zbus::Result<Vec<JobEntry>>;
}
