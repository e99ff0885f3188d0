//! A plan that can be carried out: in order, each path once, every name fit for its place.

use std::collections::HashSet;
use std::path::{Component, Path};

use cloud_config::plan::names::file_name_fault;
use cloud_config::plan::{Plan, Step};

/// The steps of a plan.
pub fn check(plan: &Plan) {
    let mut paths = HashSet::new();
    let mut last = 0;
    for planned in &plan.steps {
        let rank = rank(&planned.step);
        assert!(last <= rank, "{} comes too late", planned.step);
        last = rank;
        if let Some(path) = planned.step.path() {
            assert!(paths.insert(path), "{} is there twice", path.display());
        }
        step(&planned.step);
        assert!(serde_json::to_string(planned).is_ok());
    }
    let once = |wanted: usize| plan.steps.iter().filter(|planned| rank(&planned.step) == wanted).count() <= 1;
    assert!(once(RELOAD) && once(NETWORKD));
}

/// A step alone.
pub fn step(step: &Step) {
    step.path().into_iter().for_each(is_absolute);
    names(step);
}

const RELOAD: usize = 3;
const NETWORKD: usize = 5;

/// The order of a part (docs/cloud-config.md).
fn rank(step: &Step) -> usize {
    match step {
        Step::EnsureUser(_) | Step::AuthorizeKeys(_) | Step::ImportKeys(_) => 0,
        Step::WriteFile(_) | Step::MaskUnit(_) | Step::UnmaskUnit(_) => 1,
        Step::EnableUnit(_) => 2,
        Step::ReloadDaemon(_) => RELOAD,
        Step::RemoveEnvironment(_) => 4,
        Step::RestartNetworkd => NETWORKD,
        Step::UnitCommand(_) | Step::RunScript(_) => 6,
        Step::SetHostname(_) | Step::MergeEnvironment(_) | Step::TakeDown(_) | Step::LoadModule(_) => {
            panic!("{step} is no step of a part")
        }
    }
}

fn is_absolute(path: &Path) {
    let mut components = path.components();
    assert_eq!(components.next(), Some(Component::RootDir));
    let names: Vec<_> = components.map(|component| (component, component.as_os_str().len())).collect();
    assert!(
        !names.is_empty() && names.iter().all(|(name, length)| matches!(name, Component::Normal(_)) && *length <= 255)
    );
    assert!(path.as_os_str().len() < 4096 && !path.as_os_str().as_encoded_bytes().contains(&0));
}

fn names(step: &Step) {
    let is_file_name = |name: &str| assert_eq!(file_name_fault(name), None, "{name:?}");
    let is_field = |text: &str| assert!(!text.contains(':') && !text.chars().any(char::is_control), "{text:?}");
    match step {
        Step::EnsureUser(account) => {
            assert!(!account.name.is_empty() && !account.name.starts_with('-'));
            let texts = [&account.gecos, &account.home, &account.primary_group, &account.shell];
            std::iter::once(&account.name).chain(texts.into_iter().flatten()).for_each(|text| is_field(text));
            account.groups.iter().for_each(|group| is_field(group));
            account.passwd.iter().for_each(|hash| is_field(hash.expose()));
        }
        Step::AuthorizeKeys(set) => {
            is_file_name(&set.set);
            assert!(!set.keys.is_empty());
            set.keys.iter().for_each(|key| super::ssh::are_one_line(key));
        }
        Step::ImportKeys(import) => is_file_name(&import.set),
        Step::WriteFile(file) => {
            assert!(file.mode <= 0o7777);
            file.unit.iter().for_each(|unit| is_file_name(unit));
        }
        Step::MaskUnit(place) | Step::UnmaskUnit(place) | Step::RemoveEnvironment(place) => is_file_name(&place.unit),
        Step::EnableUnit(scope) => is_file_name(&scope.unit),
        Step::ReloadDaemon(reload) => {
            assert!(!reload.units.is_empty());
            reload.units.iter().for_each(|unit| is_file_name(unit));
        }
        Step::UnitCommand(command) => is_file_name(&command.unit),
        Step::RunScript(script) => assert!(!script.interpreter.is_empty()),
        Step::SetHostname(_)
        | Step::MergeEnvironment(_)
        | Step::TakeDown(_)
        | Step::LoadModule(_)
        | Step::RestartNetworkd => {}
    }
}
