use std::process::ExitCode;

fn main() -> ExitCode {
    let numbers: Vec<i32> = std::env::args()
        .skip(1)
        .filter_map(|one| one.parse().ok())
        .collect();
    match numbers[..] {
        [level, mark] => {
            println!("{}", flood::judge(level, mark));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: flood LEVEL MARK");
            ExitCode::from(2)
        }
    }
}
