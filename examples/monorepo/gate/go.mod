module example.org/harbour/gate

go 1.19
