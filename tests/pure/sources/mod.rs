//! Every data source against simple stand-ins: directories, web servers on 127.0.0.1, a serial line. The waits are
//! short, and the waiting code is the program's own.

mod corpus;
mod directories;
mod documented;
mod ec2;
mod http;
mod logged;
mod metadata_services;
mod nocloud;
mod nocloud_seed;
mod proxy;
mod race;
mod redirects;
mod serial;
mod server;
mod services;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use cloud_config::network::Format;
use cloudinit::deadline::Deadline;
use cloudinit::source::{
    Candidate, Context, Datasource, MetaData, NoSource, Places, Policy, Setup, candidates, choose,
};

/// Waits that are over soon; long enough for a machine that has other things to do.
fn quick() -> Policy {
    let mut policy = Policy::default();
    policy.look.first_pause = Duration::from_millis(20);
    policy.look.longest_pause = Duration::from_millis(50);
    policy.http.tries = 4;
    policy.http.timeout = Duration::from_secs(1);
    policy.http.first_pause = Duration::from_millis(1);
    policy.http.longest_pause = Duration::from_millis(4);
    policy.serial.tries = 2;
    policy.serial.silence = Duration::from_millis(300);
    policy.read = Duration::from_secs(2);
    policy
}

/// Returns a setup with these waits, and the places of an empty machine.
fn setup() -> Setup {
    let places = Places::beneath(Path::new("/nonexistent"));
    Setup { places, ..Setup::new(quick(), Deadline::after(Duration::from_secs(20))) }
}

/// The source that a flag names.
fn source(flag: &str, value: impl Into<OsString>) -> Candidate {
    let value = value.into();
    let mut found = candidates(|name| (name == flag).then(|| value.clone()));
    assert_eq!(found.len(), 1, "--{flag} is in the table");
    found.remove(0)
}

/// Reads the meta-data of a source, with the network description of that format.
fn meta_data_with(source: &dyn Datasource, setup: &Setup, network: Option<Format>) -> MetaData {
    source.meta_data(&Context { setup: &Setup { network, ..setup.clone() }, stop: &|| false })
}

fn meta_data(source: &dyn Datasource, setup: &Setup) -> MetaData {
    meta_data_with(source, setup, None)
}

/// Returns the user-data of a source, as text; or the error.
fn user_data(source: &dyn Datasource, setup: &Setup) -> Result<String, String> {
    match source.user_data(&Context { setup, stop: &|| false }) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Reads the source that is chosen among these: its name, its meta-data, its user-data.
fn fetch(candidates: Vec<Candidate>, setup: &Setup) -> Result<(String, MetaData, Result<String, String>), NoSource> {
    let source = choose(candidates, &Context { setup, stop: &|| false })?;
    Ok((source.name(), meta_data(&*source, setup), user_data(&*source, setup)))
}
