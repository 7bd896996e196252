from .console import print_results as print_results
from .console import print_statistics as print_statistics
from .csv_files import write_csv as write_csv
from .csv_files import write_statistics as write_statistics
from .documents import write_json as write_json
from .folder import write_results as write_results
from .parquet import write_parquet as write_parquet
