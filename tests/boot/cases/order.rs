//! The order of a boot, checked in every case.

use std::time::Duration;

use super::{CMDLINE, DRIVE, IMAGE, INNER, INSTALLED, NOCLOUD, NOCLOUD_SEED};
use crate::testbed::vm::Vm;
use crate::testbed::vm::times::Times;

/// The units that run for the user. Units of other cases never start.
const USERS: [&str; 5] = [INSTALLED, CMDLINE, DRIVE, NOCLOUD_SEED, NOCLOUD];
/// The units that every machine waits for at boot, without ours.
const OTHERS: [&str; 6] = [
    "basic.target",
    "dbus.service",
    "systemd-logind.service",
    "systemd-user-sessions.service",
    "systemd-networkd.service",
    "network.target",
];
/// The longest gap between two units on a busy host. A wait in vain (for a device, for a network) takes longer.
const SLACK: Duration = Duration::from_secs(15);

fn find<'a>(times: &'a [Times], unit: &str) -> Option<&'a Times> {
    times.iter().find(|times| times.unit == unit)
}

fn done(times: &[Times], unit: &str) -> u64 {
    find(times, unit).and_then(|times| times.done).unwrap_or_else(|| panic!("{unit} is not done"))
}

/// Checks that the boot went in order, and that our units delay it only by their own work. Prints the duration.
pub fn holds(vm: &Vm, name: &str) {
    assert_eq!(vm.run("journalctl -b -o cat | grep 'ordering cycle'").stdout, "");
    // Shown if the case fails.
    vm.run("systemd-analyze; systemd-analyze critical-chain multi-user.target system-config.target user-config.target");
    let targets = ["system-config.target", "user-config.target", "multi-user.target"];
    let units: Vec<_> = [IMAGE, INNER].into_iter().chain(USERS).chain(targets).chain(OTHERS).collect();
    let times = vm.times(&units);

    let [system, user, all] = targets.map(|target| done(&times, target));
    let image = find(&times, IMAGE).map(|_| done(&times, IMAGE));
    assert!(image.is_none_or(|image| image <= system), "{times:#?}");
    assert!(system <= user && user <= all, "{times:#?}");
    for times_of_one in USERS.iter().filter_map(|unit| find(&times, unit)) {
        assert!(times_of_one.began >= system, "{} did not wait for the image's: {times:#?}", times_of_one.unit);
        assert!(
            times_of_one.done.is_some_and(|done| done <= user),
            "{} was not waited for: {times:#?}",
            times_of_one.unit
        );
    }
    if let (Some(outer), Some(inner)) = (find(&times, IMAGE), find(&times, INNER)) {
        assert!(outer.began < inner.began && inner.done <= outer.done, "the inner run is within the outer: {times:#?}");
    }

    let others = OTHERS.iter().filter_map(|unit| find(&times, unit)?.done).max().expect("the system has booted");
    let services = [IMAGE].into_iter().chain(USERS).filter_map(|unit| find(&times, unit));
    let work: u64 = services.filter_map(|times| Some(times.done? - times.began)).sum();
    let delay = Duration::from_micros(all.saturating_sub(others));
    let work = Duration::from_micros(work);
    assert!(delay <= work + SLACK, "the boot waited {delay:?} for {work:?} of work: {times:#?}");
    eprintln!(
        "boot: {name}: booted in {:.0} s, {:.1} s of which are our services' work",
        Duration::from_micros(all).as_secs_f32(),
        work.as_secs_f32()
    );
}
