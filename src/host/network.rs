//! Prepares the kernel for networkd (docs/network.md): takes interfaces down, renames some and loads modules. A failure
//! here does not fail the run: networkd reports interfaces that it cannot set up, and may set up the others.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::command::Tool;
use super::root::OsContext;
use crate::deadline::Deadline;
use crate::outcome::StepResult;
use cloud_config::plan::{KernelModule, Links, Rename};

/// The directory with one entry per network interface.
const INTERFACES: &str = "/sys/class/net";

/// The time limit for udev, and for loading a module.
const LIMIT: Duration = Duration::from_secs(30);

/// The flag of an interface that is up.
const UP: u32 = 1;

/// Takes interfaces down, and lets udev rename some. A missing interface is not an error.
pub fn take_down(links: &Links, deadline: Deadline) -> StepResult {
    let interfaces = Path::new(INTERFACES);
    let renamed = to_rename(interfaces, &links.renames);
    let mut done = StepResult::Unchanged;
    let mut failed = Vec::new();
    // Before Linux 6.2, the kernel does not rename an interface that is up.
    for name in links.names.iter().chain(&renamed) {
        match take_one_down(interfaces, name) {
            Ok(StepResult::Done) => done = StepResult::Done,
            Ok(_) => {}
            Err(error) => failed.push(format!("{error:#}")),
        }
    }
    if !renamed.is_empty() {
        match apply_links(interfaces, &renamed, deadline) {
            Ok(()) => done = StepResult::Done,
            Err(error) => failed.push(format!("failed to rename {}: {error:#}", renamed.join(", "))),
        }
    }
    if failed.is_empty() {
        return done;
    }
    let why = failed.join("; ");
    log::warn!("{why}");
    StepResult::Skipped(why)
}

/// The present names of the interfaces that have another name than they are to have.
fn to_rename(interfaces: &Path, renames: &[Rename]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(interfaces).into_iter().flatten().flatten() {
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let Ok(name) = entry.file_name().into_string() else { continue };
        // A VLAN or a bond has the address of an interface below it, and a type of device.
        if read("uevent").lines().any(|line| line.starts_with("DEVTYPE=")) {
            continue;
        }
        let mac = read("address");
        let rename = renames.iter().find(|rename| rename.mac == mac.trim());
        if rename.is_some_and(|rename| rename.name != name) {
            found.push(name);
        }
    }
    found
}

/// Makes udev read `.link` files and apply them to interfaces.
fn apply_links(interfaces: &Path, names: &[String], deadline: Deadline) -> Result<()> {
    Tool::new("udevadm").arg("control").arg("--reload").run(deadline.clip(LIMIT))?;
    let paths = names.iter().map(|name| interfaces.join(name));
    // Not with `--settle`, which waits for an event under the old name.
    Tool::new("udevadm").args(["trigger", "--action=add"]).args(paths).run(deadline.clip(LIMIT))?;
    Tool::new("udevadm").arg("settle").run(deadline.clip(LIMIT))?;
    let left: Vec<_> = names.iter().filter(|name| interfaces.join(name).exists()).map(String::as_str).collect();
    anyhow::ensure!(left.is_empty(), "udev left the name of {}", left.join(", "));
    Ok(())
}

/// Takes one interface down: writes its flags without `IFF_UP`, in the hexadecimal form in which the kernel prints
/// them.
fn take_one_down(interfaces: &Path, name: &str) -> Result<StepResult> {
    let path = interfaces.join(name).join("flags");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(StepResult::Unchanged),
        Err(error) => return Err(error).os_context(|| format!("failed to read the flags of {name}")),
    };
    let digits = text.trim().trim_start_matches("0x");
    let flags = u32::from_str_radix(digits, 16).with_context(|| format!("the flags of {name} are not a number"))?;
    if flags & UP == 0 {
        return Ok(StepResult::Unchanged);
    }
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(format!("0x{:x}\n", flags & !UP).as_bytes()))
        .os_context(|| format!("failed to take {name} down"))?;
    Ok(StepResult::Done)
}

/// Loads a module.
pub fn load(module: &KernelModule, deadline: Deadline) -> StepResult {
    match Tool::new("modprobe").arg("--").arg(&module.name).args(&module.options).run(deadline.clip(LIMIT)) {
        Ok(()) => StepResult::Done,
        Err(error) => {
            // The failure may not matter: the module may be built into the kernel, or networkd may not need it.
            let why = format!("failed to load the kernel module {}: {error:#}", module.name);
            log::warn!("{why}");
            StepResult::Skipped(why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_interfaces_with_another_name_are_renamed() {
        let directory = tempfile::tempdir().unwrap();
        for (name, mac, uevent) in [
            ("lo", "00:00:00:00:00:00", ""),
            ("ens3", "52:54:00:00:00:01", "INTERFACE=ens3\n"),
            ("ens3.7", "52:54:00:00:00:01", "DEVTYPE=vlan\nINTERFACE=ens3.7\n"),
            ("lan1", "52:54:00:00:00:02", "INTERFACE=lan1\n"),
        ] {
            let interface = directory.path().join(name);
            fs::create_dir(&interface).unwrap();
            fs::write(interface.join("address"), format!("{mac}\n")).unwrap();
            fs::write(interface.join("uevent"), uevent).unwrap();
        }
        let rename = |mac: &str, name: &str| Rename { mac: mac.to_owned(), name: name.to_owned() };
        let renames = [rename("52:54:00:00:00:01", "lan0"), rename("52:54:00:00:00:02", "lan1")];
        assert_eq!(to_rename(directory.path(), &renames), ["ens3"]);
        assert_eq!(to_rename(&directory.path().join("none"), &renames), [""; 0]);
    }

    #[test]
    fn only_interfaces_that_are_up_are_taken_down() {
        let directory = tempfile::tempdir().unwrap();
        let flags = directory.path().join("eth0/flags");
        fs::create_dir(flags.parent().unwrap()).unwrap();
        let take = |text: &str| {
            fs::write(&flags, text).unwrap();
            let change = take_one_down(directory.path(), "eth0").map_err(|error| error.to_string());
            (change, fs::read_to_string(&flags).unwrap())
        };
        assert_eq!(take("0x1003\n"), (Ok(StepResult::Done), "0x1002\n".to_owned()));
        assert_eq!(take("0x1002\n"), (Ok(StepResult::Unchanged), "0x1002\n".to_owned()));
        assert_eq!(take("up").0, Err("the flags of eth0 are not a number".to_owned()));
        assert_eq!(take_one_down(directory.path(), "eth1").unwrap(), StepResult::Unchanged, "it is not there");
    }
}
