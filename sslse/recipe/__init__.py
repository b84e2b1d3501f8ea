"""What a recipe runs: a method's variants, tables and figures as data, and the jobs that follow."""
