"""What a recipe file may say, one table a module. It only reads and checks; it runs nothing."""
