//! Prepares the kernel for networkd (docs/network.md): takes interfaces down and loads modules. A failure here does not
//! fail the run: networkd reports interfaces that it cannot set up, and may set up the others.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::command::Tool;
use super::root::OsContext;
use crate::outcome::StepResult;
use cloud_config::plan::KernelModule;

/// The directory with one entry per network interface.
const INTERFACES: &str = "/sys/class/net";

/// The flag of an interface that is up.
const UP: u32 = 1;

/// Takes interfaces down. A missing interface is not an error.
pub fn take_down(names: &[String]) -> StepResult {
    let mut done = StepResult::Unchanged;
    let mut failed = Vec::new();
    for name in names {
        match take_one_down(Path::new(INTERFACES), name) {
            Ok(StepResult::Done) => done = StepResult::Done,
            Ok(_) => {}
            Err(error) => failed.push(format!("{error:#}")),
        }
    }
    if failed.is_empty() {
        return done;
    }
    let why = failed.join("; ");
    log::warn!("{why}");
    StepResult::Skipped(why)
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

/// Loads a module, for `limit` at most.
pub fn load(module: &KernelModule, limit: Duration) -> StepResult {
    match Tool::new("modprobe").arg("--").arg(&module.name).args(&module.options).run(limit) {
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
