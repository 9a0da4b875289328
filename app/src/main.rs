//! The program `lienthong`: crypto providers first, then the command line.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    lienthong::install_crypto();
    lienthong::cli::run(lienthong::cli::Arguments::parse())
}
