//! What a process costs, from /proc.

use std::fs;

use crate::failed::{Failed, at};

/// Ticks of processor time in a second: what Linux gives programs, whatever the kernel's own.
const TICKS: f64 = 100.0;

/// Processor time of a process so far, seconds.
pub fn cpu_seconds(pid: u32) -> Result<f64, Failed> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(at("a process's times"))?;
    Ok(ticks_of(&text, [11, 12]) / TICKS)
}

/// Processor time of all processes of a name that live, seconds.
pub fn cpu_seconds_of_all(name: &str) -> f64 {
    let Ok(processes) = fs::read_dir("/proc") else { return 0.0 };
    let stats = processes.filter_map(|p| fs::read_to_string(p.ok()?.path().join("stat")).ok());
    let of_name = stats.filter(|text| text.contains(&format!("({name})")));
    of_name.map(|text| ticks_of(&text, [11, 12]) / TICKS).sum()
}

/// The sum of two fields behind the process's name.
fn ticks_of(stat: &str, fields: [usize; 2]) -> f64 {
    let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
    let all: Vec<&str> = behind.split(' ').collect();
    fields.iter().filter_map(|at| all.get(*at)?.parse::<f64>().ok()).sum()
}

/// The most memory that a process has had, MiB.
pub fn peak_mib(pid: u32) -> Result<f64, Failed> {
    kib_of(pid, "VmHWM:").map(|kib| kib / 1024.0)
}

/// The memory that a process has, MiB.
pub fn resident_mib(pid: u32) -> Result<f64, Failed> {
    kib_of(pid, "VmRSS:").map(|kib| kib / 1024.0)
}

fn kib_of(pid: u32, field: &str) -> Result<f64, Failed> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).map_err(at("a process's memory"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| Failed::new(format!("/proc/{pid}/status has no {field}")))
}

/// The middle one; of an even number the lower middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len().saturating_sub(1)) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_times_and_memory_and_a_name_may_hold_anything() {
        let own = std::process::id();
        assert!(cpu_seconds(own).unwrap() >= 0.0);
        assert!(
            resident_mib(own).unwrap() > 0.5 && peak_mib(own).unwrap() >= resident_mib(own).unwrap() * 0.5
        );
        assert_eq!(ticks_of("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 40 2 0", [11, 12]) as u32, 42);
    }

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert_eq!(median(&[3.0, 1.0, 2.0]) as u32, 2);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]) as u32, 2);
        assert!(median(&[]).is_nan());
    }
}
